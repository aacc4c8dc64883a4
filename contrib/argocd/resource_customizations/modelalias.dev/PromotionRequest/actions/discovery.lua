local ended = false
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    ended = ended or (condition.type == "Complete" and condition.status == "True")
  end
end
return {
  ["abort"] = {
    ["disabled"] = ended or obj.spec.abort == true,
    ["displayName"] = "Abort",
    ["iconClass"] = "fa fa-fw fa-ban",
  },
}

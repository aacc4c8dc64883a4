local hs = { status = "Progressing", message = "The operator has not looked at it yet" }
local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
if status.observedGeneration ~= obj.metadata.generation then
  hs.message = "The operator has not looked at the last edit yet"
  return hs
end

local is = {}
for _, condition in ipairs(status.conditions) do
  is[condition.type] = condition.status == "True"
end
-- Stopped by a person, or another request took its place: nothing is wrong, and nothing more will happen.
local given_up = { Aborted = true, Superseded = true }
hs.message = status.phase .. ": " .. status.explanation
if is["Complete"] then
  hs.status = (is["Succeeded"] or given_up[status.phase]) and "Healthy" or "Degraded"
elseif status.phase == "AwaitingApproval" then
  hs.status = "Suspended"
end
return hs

local hs = { status = "Progressing", message = "The operator has not looked at it yet" }
local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
if status.observedGeneration ~= obj.metadata.generation then
  hs.message = "The operator has not looked at the last edit yet"
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function is(kind, value)
  return conditions[kind] ~= nil and conditions[kind].status == value
end

-- Ready is absent while nothing was promoted yet, and while nobody knows what the workloads run.
local said = conditions["Ready"] or conditions["RolledOut"]
if said ~= nil then
  hs.message = said.message
end
local moving = is("Reconciling", "True")
if is("Stalled", "True") or is("InSync", "False") or (not moving and (is("RolledOut", "False") or is("Verified", "False"))) then
  hs.status = "Degraded"
elseif obj.spec.suspend == true then
  hs.status = "Suspended"
elseif not moving and not is("Ready", "False") then
  -- Also before the first promotion: the request for it may stand in a later wave of the same sync.
  hs.status = "Healthy"
end
return hs

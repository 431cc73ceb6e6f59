-- Health of an AICoreTenant. The first rule that fits decides.
local function condition(type)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == type then
      return found
    end
  end
  return { status = "Unknown", message = "" }
end

local ready, stalled = condition("Ready"), condition("Stalled")

-- The conditions speak of an older spec, or there are none yet.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator to look at the AICoreTenant" }
end

-- A person has to act: the service key is refused, or is none.
if stalled.status == "True" then
  return { status = "Degraded", message = stalled.message }
end

if ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end

-- The operator is about to do something: the Secret is applied later, or AI Core is asked again.
return { status = "Progressing", message = ready.message }

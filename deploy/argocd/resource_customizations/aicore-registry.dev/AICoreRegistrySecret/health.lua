-- Health of an AICoreRegistrySecret. The first rule that fits decides.
local function condition(type)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == type then
      return found
    end
  end
  return { status = "Unknown", message = "" }
end

local ready, reconciling, stalled = condition("Ready"), condition("Reconciling"), condition("Stalled")

-- With deletionPolicy Delete the object stays until AI Core has let go of its secret.
if obj.metadata.deletionTimestamp ~= nil then
  local message = reconciling.message
  if message == "" then
    message = "Waiting for the resource to go"
  end
  return { status = "Progressing", message = message }
end

if obj.spec.suspend == true then
  return { status = "Suspended", message = "Suspended by spec.suspend; nothing is sent to AI Core" }
end

-- The conditions speak of an older spec, or there are none yet.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator to look at the resource" }
end

-- A person has to act, even where AI Core still holds the current credential.
if stalled.status == "True" then
  return { status = "Degraded", message = stalled.message }
end

if ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end

-- Not ready, and the operator is about to do something: a Secret that is applied later, or another attempt.
if ready.status == "False" and reconciling.status ~= "True" then
  return { status = "Degraded", message = ready.message }
end

return { status = "Progressing", message = ready.message }

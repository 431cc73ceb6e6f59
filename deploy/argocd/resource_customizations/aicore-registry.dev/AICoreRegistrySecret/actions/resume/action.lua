-- Go on: what changed in the meantime is sent at once.
obj.spec.suspend = false
return obj

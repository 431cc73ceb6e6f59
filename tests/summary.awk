# Adds up the closing lines of `cargo test`, and says again which tests failed and why: a failure is far up in the output.
/^test result:/ {
  for (i = 1; i < NF; i++) {
    if ($(i + 1) ~ /^passed/) passed += $i
    if ($(i + 1) ~ /^failed/) failed += $i
    if ($(i + 1) ~ /^ignored/) ignored += $i
  }
}
/^---- .* stdout ----$/ { test = $2; lines = 0; said = 0 }
test != "" && / panicked at / && !said { said = 1; lines = 12; where = $0; sub(/.* panicked at /, "", where); why[test] = "  at " where; next }
test != "" && lines > 0 {
  if ($0 == "" || /^(Stack backtrace|stack backtrace|note: run with)/) { lines = 0 }
  else { lines--; why[test] = why[test] "\n  " substr($0, 1, 600) }
}
test != "" && /^the last lines of an operator/ { lines = 13; why[test] = why[test] "\n  " $0; next }
END {
  for (name in why) printf "\nfailed: %s\n%s\n", name, why[name]
  printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored
}

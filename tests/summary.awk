# Adds up the closing lines of `cargo test`.
/^test result:/ {
  for (i = 1; i < NF; i++) {
    if ($(i + 1) ~ /^passed/) passed += $i
    if ($(i + 1) ~ /^failed/) failed += $i
    if ($(i + 1) ~ /^ignored/) ignored += $i
  }
}
END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored }

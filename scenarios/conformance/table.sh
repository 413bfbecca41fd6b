#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes README.md: which scenario proves which statement of rules.txt.
#   table.sh           writes it
#   table.sh --check   says what is missing or out of date, and fails
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."

table() {
	find conformance regressions kernel-bugs examples -name '*.scn' | LC_ALL=C sort |
		awk '
		BEGIN {
			while ((getline line < "conformance/rules.txt") > 0) {
				if (line ~ /^#/ || line == "")
					continue
				id = line
				sub(/:.*/, "", id)
				sub(/^[^:]*: /, "", line)
				ids[++n] = id
				statement[id] = line
			}
			bad = 0
		}
		function wrong(message) {
			print message > "/dev/stderr"
			bad = 1
		}
		{
			file = $0
			rule = source = 0
			covers = ""
			more = 0
			while ((getline line < file) > 0 && line ~ /^#/) {
				if (line ~ /^# Rule: ./)
					rule = 1
				if (line ~ /^# Source: ./)
					source = 1
				if (line ~ /^# Covers: / || (more && line ~ /^#   /)) {
					sub(/^# (Covers:)? */, "", line)
					covers = covers " " line
					more = 1
				} else {
					more = 0
				}
			}
			close(file)
			split(file, part, "/")
			files[part[1]]++
			if (!rule || !source)
				wrong(file ": expected \"# Rule: …\" and \"# Source: …\" at its top")
			if (part[1] == "conformance" && covers == "")
				wrong(file ": expected \"# Covers: ID…\"")
			k = split(covers, named, " ")
			for (i = 1; i <= k; i++) {
				if (!(named[i] in statement))
					wrong(file ": no rule " named[i] " in rules.txt")
				name = file
				sub(/^conformance\//, "", name)
				label = name
				sub(/\.scn$/, "", label)
				link = "[" label "](" (part[1] == "conformance" ? "" : "../") name ")"
				proof[named[i]] = proof[named[i]] (proof[named[i]] == "" ? "" : "<br>") link
			}
		}
		END {
			print "# What the corpus proves"
			print ""
			print "Made by `table.sh` from `rules.txt` and the `# Covers:` lines; CI checks that it is up to date."
			print "Scenarios: " files["conformance"] " in conformance, " files["regressions"] " in regressions, " files["kernel-bugs"] " in kernel-bugs, " files["examples"] " in examples."
			print ""
			print "| rule | statement | scenarios |"
			print "|---|---|---|"
			for (i = 1; i <= n; i++) {
				if (proof[ids[i]] == "")
					wrong("rules.txt: no scenario covers " ids[i])
				gsub(/\|/, "\\|", statement[ids[i]])
				print "| " ids[i] " | " statement[ids[i]] " | " proof[ids[i]] " |"
			}
			exit bad
		}'
}

if [ "${1:-}" = --check ]; then
	new=$(mktemp)
	trap 'rm -f "$new"' EXIT
	table >"$new"
	if ! cmp -s "$new" conformance/README.md; then
		echo "conformance/README.md: out of date, run conformance/table.sh" >&2
		exit 1
	fi
else
	table >conformance/README.md.new
	mv conformance/README.md.new conformance/README.md
fi

#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes README.md: which scenario proves which statement of rules.txt, and how what was inferred
# (inferred.txt) was decided.
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
	inferred
	not_for_real
}

inferred() {
	echo
	echo "## What was inferred first"
	echo
	echo "Made from \`inferred.txt\`: statements that were inferred, or read in the sources where a machine says"
	echo "otherwise, and how \`gntsim play --on xen\` decided them, on these legs and kernels. Of a kernel bug that"
	echo "was mended before 6.1 (\`regressions/\`) a real kernel shows only that it is: Debian 12 has none older."
	echo
	echo "| statement | verdict | seen on | scenarios |"
	echo "|---|---|---|---|"
	awk -F'|' '
	function wrong(message) {
		print "inferred.txt: " message > "/dev/stderr"
		bad = 1
	}
	/^#/ {
		next
	}
	NF != 5 || $2 !~ /^(confirmed|corrected|not played)$/ || ($2 == "not played") != ($4 == "-") {
		wrong("expected \"statement|confirmed, corrected or not played|finding|legs or -|scenarios\": " $0)
		next
	}
	{
		n = split($5, name, " ")
		if (n == 0)
			wrong("no scenario decides: " $1)
		links = ""
		for (i = 1; i <= n; i++) {
			file = name[i] ".scn"
			if (file !~ /^(regressions|kernel-bugs|examples)\//)
				file = "conformance/" file
			if ((getline line < file) <= 0)
				wrong("no such scenario: " name[i])
			close(file)
			link = file
			if (!sub(/^conformance\//, "", link))
				link = "../" link
			links = links (i > 1 ? "<br>" : "") "[" name[i] "](" link ")"
		}
		print "| " $1 " | **" $2 "** " $3 " | " $4 " | " links " |"
	}
	END {
		exit bad
	}' conformance/inferred.txt
}

# By what a file says, as the player finds its needs.
not_for_real() {
	echo
	echo "## What real Xen is not asked"
	echo
	echo "These are played on the model only, or on the model and the fake devices: \`gntsim play --on xen\`"
	echo "skips them on every leg and names the capability."
	echo
	echo "| capability | why | scenarios |"
	echo "|---|---|---|"
	while read -r capability pattern reason; do
		printf '| %s | %s | ' "$capability" "$reason"
		grep -rlE "$(echo "$pattern" | tr '~' ' ')" --include='*.scn' conformance regressions kernel-bugs examples |
			LC_ALL=C sort | sed 's/\.scn$//; s/^conformance\///' | paste -sd ',' - | sed 's/,/, /g; s/$/ |/'
	done <<'END'
inspect ^expect~ the machine's totals (grants, handles, ports in all) are visible to no program in a guest
fail_allocation ^fail~allocation Debian's kernels have no fault injection
raise_virq ^raise~ nothing inside a guest can raise a virtual interrupt
frames ^machine~.*frames= the number of free pages can't be set in a running guest
grant_frames ^domain~.*grant_frames= the size of a grant table is fixed when the domain is made
maptrack_frames ^domain~.*maptrack_frames= the number of map handles is fixed when the domain is made
ports ^domain~.*ports= the number of ports is fixed when the domain is made
third_domain ^domain~dom2 the lab has two domains
END
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

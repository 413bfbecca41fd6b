# The results of ci/lab/matrix.sh as a table, and, if `json` names a file, as JSON too. Of a cell that comes
# twice the later one is taken, unless only the former has a verdict.

function fresh() {
	split("", now)
	now["status"] = 125
}

function take() {
	if (!("cell" in now))
		return
	cell = now["cell"]
	if (!(cell in known))
		order[++n_cells] = cell
	else if (now["status"] == 125 && value[cell, "status"] != 125)
		return
	known[cell] = 1
	for (k in all_keys)
		value[cell, k] = k in now ? now[k] : ""
	subjects[now["subject"]]
}

FNR == 1 {
	take()
	fresh()
}

{
	key = $1
	text = $0
	sub(/^[^ ]+ ?/, "", text)
	now[key] = text
	all_keys[key]
}

function quoted(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/[\001-\037\177]/, " ", s)
	return "\"" s "\""
}

# The cells in the order of their names, with 6.2 before 6.12.
function before(a, b,    i, n, x, y) {
	n = split(a, x, /[-.]|xen/)
	split(b, y, /[-.]|xen/)
	for (i = 1; i <= n; i++) {
		if (x[i] ~ /^[0-9]+$/ && y[i] ~ /^[0-9]+$/ ? x[i] + 0 != y[i] + 0 : x[i] != y[i])
			return x[i] ~ /^[0-9]+$/ && y[i] ~ /^[0-9]+$/ ? x[i] + 0 < y[i] + 0 : x[i] < y[i]
	}
	return 0
}

function sort_cells(    i, j, c) {
	for (i = 2; i <= n_cells; i++) {
		c = order[i]
		for (j = i - 1; j > 0 && before(c, order[j]); j--)
			order[j + 1] = order[j]
		order[j + 1] = c
	}
}

function number(c, k) {
	return value[c, k] == "" ? 0 : value[c, k]
}

function verdict(c) {
	if (value[c, "status"] == 0)
		return "conforms"
	return value[c, "status"] == 1 ? "differs" : "no verdict"
}

function put_row(text,    i, line) {
	for (i = 1; i <= n_columns; i++)
		line = line sprintf("%s%" (i <= n_words || i == n_columns ? "-" : "") width[i] "s", (i > 1 ? "  " : ""), text[i])
	sub(/ +$/, "", line)
	print line
}

function row_of(c, text,    i) {
	for (i = 1; i <= n_columns; i++) {
		if (column[i] == "verdict")
			text[i] = verdict(c)
		else
			text[i] = i <= n_words ? value[c, source[i]] : number(c, column[i])
	}
}

function put_table(    i, j, text) {
	n_words = 4
	n_columns = split("cell kernel xen xsm passed failed skipped errors calls differences seconds verdict", column, " ")
	split("cell kernel hypervisor xsm", source, " ")
	for (j = 1; j <= n_columns; j++)
		width[j] = length(column[j])
	for (i = 1; i <= n_cells + 1; i++) {
		if (i <= n_cells)
			row_of(order[i], text)
		for (j = 1; j <= n_columns; j++) {
			if (i <= n_cells && j > n_words && j < n_columns)
				total[j] += text[j]
			if (i > n_cells)
				text[j] = j > n_words && j < n_columns ? total[j] : ""
			if (length(text[j]) > width[j])
				width[j] = length(text[j])
		}
	}
	put_row(column)
	for (i = 1; i <= n_cells; i++) {
		row_of(order[i], text)
		put_row(text)
	}
	for (j = 1; j <= n_columns; j++)
		text[j] = j == 1 ? n_cells " cells" : j > n_words && j < n_columns ? total[j] : ""
	put_row(text)
	for (i = 1; i <= n_cells; i++) {
		if (value[order[i], "status"] > 1)
			print "no verdict on " order[i] ": " value[order[i], "why"]
	}
}

function put_json(    i, j, c) {
	printf("{\"cells\": [") >json
	for (i = 1; i <= n_cells; i++) {
		c = order[i]
		printf("%s\n  {\"cell\": %s, \"leg\": %s, \"arch\": %s", (i > 1 ? "," : ""), quoted(c),
			quoted(value[c, "leg"]), quoted(value[c, "arch"])) >json
		for (j = 2; j <= n_words; j++)
			printf(", \"%s\": %s", column[j], quoted(value[c, source[j]])) >json
		for (j = n_words + 1; j < n_columns; j++)
			printf(", \"%s\": %d", column[j], number(c, column[j])) >json
		printf(", \"verdict\": %s, \"why\": %s, \"subject\": %s}", quoted(verdict(c)),
			quoted(value[c, "why"]), quoted(value[c, "subject"])) >json
	}
	printf("\n],\n \"totals\": {") >json
	for (j = n_words + 1; j < n_columns; j++)
		printf("%s\"%s\": %d", (j > n_words + 1 ? ", " : ""), column[j], total[j]) >json
	printf("}}\n") >json
	close(json)
}

END {
	take()
	sort_cells()
	put_table()
	if (json != "")
		put_json()
	for (c in subjects)
		n_subjects++
	if (n_subjects > 1)
		print "these are results of " n_subjects " trees, or of other random calls"
	for (i = 1; i <= n_cells; i++) {
		if (value[order[i], "status"] == 1)
			exit 1
	}
	for (i = 1; i <= n_cells; i++) {
		if (value[order[i], "status"] != 0)
			exit 125
	}
}

# print.awk: findings and coverage as a person reads them in a terminal.
#
#   psql -XAtq -F $'\037' -R $'\036' -f demo/findings.sql | awk -v width=80 -f demo/print.awk
#
# The first field says what a record is, see findings.sql and coverage.sql.
# width is that of the terminal; color=1 colours the severities.

BEGIN {
    FS = "\037"
    RS = "\036"
    indent = "     "
    if (color) {
        paint["critical"] = "\033[1;31m"
        paint["warning"] = "\033[33m"
        paint["notice"] = "\033[36m"
        paint["info"] = "\033[2m"
        bold = "\033[1m"
        plain = "\033[0m"
    }
}

{ sub(/\n$/, "", $NF) }

# finding, rank, severity, category/rule, object, detail, fix, undo, caution
$1 == "finding" {
    count[$3]++
    total++
    printf "%3d  %s%s%s  %s%s%s\n", $2, paint[$3], toupper($3), plain, bold, one_line($5), plain
    print indent "rule     " $4
    wrap($6, indent, indent)
    commands("fix", $7)
    commands("undo", $8)
    if ($9 != "")
        wrap($9, indent "caution  ", indent "         ")
    print ""
}

# coverage, category/rule, status, examined, found, skipped, ms, reason
$1 == "coverage" {
    if (!headed++)
        printf "%s%-36s %-9s %8s %6s %8s %7s%s\n", bold, "rule", "status", "examined", "found", "skipped", "ms", plain
    printf "%-36s %-9s %8s %6s %8s %7s\n", $2, $3, $4, $5, $6, $7
    if ($8 != "")
        wrap($8, "    ", "    ")
}

END {
    if (total)
        printf "%d finding%s: %s.\n", total, total == 1 ? "" : "s", counts()
}

# "2 critical, 1 info": those that there are, the worst first.
function counts(    levels, n, i, text)
{
    n = split("critical warning notice info", levels, " ")
    for (i = 1; i <= n; i++)
        if (count[levels[i]])
            text = text (text == "" ? "" : ", ") count[levels[i]] " " levels[i]
    return text
}

# A name may hold line breaks; in a heading it does not.
function one_line(text)
{
    gsub(/[\n\t]+/, " ", text)
    return text
}

# Prints text broken at spaces; the first line begins with FIRST, others with NEXT.
function wrap(text, first, next_,    words, n, i, line)
{
    n = split(one_line(text), words, / +/)
    line = first words[1]
    for (i = 2; i <= n; i++) {
        if (length(line) + 1 + length(words[i]) > width) {
            print line
            line = next_ words[i]
        } else
            line = line " " words[i]
    }
    print line
}

# Prints commands so that they can be copied: broken only at spaces outside of
# quotes, where SQL takes a line break for a space.
function commands(label, text,    lines, n, i, head)
{
    if (text == "")
        return
    head = sprintf("%s%-9s", indent, label)
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        command(lines[i], head)
        head = indent "         "
    }
}

# Prints one line of commands.
function command(text, head,    next_, line, word, quote, c, i, n)
{
    next_ = indent "         "
    line = head
    n = length(text)
    for (i = 1; i <= n + 1; i++) {
        c = substr(text, i, 1)
        if (i <= n && (c != " " || quote != "" || word == "")) {
            word = word c
            if (quote == "" && (c == "'" || c == "\""))
                quote = c
            else if (c == quote)
                quote = ""
            continue
        }
        if (line !~ /^ *$/ && line != head && length(line) + 1 + length(word) > width) {
            print line
            line = next_ "  " word
        } else
            line = line (line == head ? "" : " ") word
        word = ""
    }
    print line
}

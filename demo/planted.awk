# planted.awk: which planted mistakes were found.
#
#   awk -f demo/planted.awk demo/*.sql FS='\037' RS='\036' FINDINGS...
#
# Reads the marks "-- planted: RULE OBJECT" of the SQL files (see schema.sql),
# then the output of findings.sql, and prints what was planted and not found,
# and the sum.

$1 == "--" && $2 == "planted:" && $3 ~ /^[a-z]+\/[a-z0-9_]+$/ {
    rule[++planted] = $3
    object[planted] = $0
    sub(/^.*planted: *[^ ]+ /, "", object[planted])
}

$1 == "finding" {
    for (i = 1; i <= planted; i++)
        if (index($4, substr(rule[i], index(rule[i], "/") + 1)) && matches(object[i], $5, $6))
            found[i] = 1
}

END {
    for (i = 1; i <= planted; i++)
        if (i in found)
            n++
        else
            print "NOT FOUND: " rule[i] " " object[i]
    printf "%d mistakes are planted in demo/*.sql; %d of them were found.\n", planted, n
    exit n < planted
}

function matches(mark, name, detail)
{
    if (mark !~ /^\/.*\/$/)
        return mark == name
    mark = substr(mark, 2, length(mark) - 2)
    return (name ": " detail) ~ mark
}

# rules.awk: rule files in, one C array out.
#
# A rule is a comment header and one SELECT, see src/README.  Anything wrong
# stops the build with "file:line: what is wrong", all files being looked at
# first.  Only POSIX awk: mawk, gawk and busybox give the same array.

function complain(line, text)
{
    printf "%s:%d: %s\n", FILENAME_, line, text > "/dev/stderr"
    errors++
}

function c_string(text)
{
    gsub(/\\/, "&&", text)
    gsub(/"/, "\\\"", text)
    gsub(/\t/, "\\t", text)
    gsub(/\?\?/, "?\"\"?", text)
    return "\t\t\"" text "\\n\"\n"
}

# One need: primary, preload, observing, statements, window, extension NAME,
# library NAME or version N.
function valid_need(need)
{
    return need ~ /^(primary|preload|observing|statements|window|(extension|library) [a-z_0-9]+|version [0-9]+)$/
}

function begin_file()
{
    FILENAME_ = FILENAME
    n = split(FILENAME, path, "/")
    category = path[n - 1]
    name = path[n]
    sub(/\.sql$/, "", name)
    title = severity = needs = examines = general = doc = sql = ""
    state = "title"
    last = 0
}

function end_file(    i, parts, count)
{
    if (FILENAME_ == "")
        return
    if (name !~ /^[a-z][a-z0-9_]*$/)
        complain(1, "the name of a rule consists of a-z, 0-9 and _")
    if (name in seen)
        complain(1, "a rule \"" name "\" exists already: " seen[name])
    seen[name] = FILENAME_
    if (given_category == "")
        complain(last, "key \"category\" is missing")
    if (severity == "")
        complain(last, "key \"severity\" is missing")
    if (examines == "")
        complain(last, "key \"examines\" is missing: the relation whose rows are looked at, or \"server\"")
    if (doc !~ /[A-Za-z]/)
        complain(last, "documentation is missing: comment lines between the keys and the SELECT")
    if (sql !~ /[A-Za-z]/)
        complain(last, "the SELECT is missing")
    else if (first_word !~ /^(SELECT|WITH)$/)
        complain(first_sql_line, "a rule is one SELECT (or WITH ... SELECT), not " first_word)
    array = array sprintf("\t{\n\t\t.name = \"%s\",\n\t\t.category = \"%s\",\n", name, category)
    array = array "\t\t.title =\n" substr_newline(c_string(title)) ",\n"
    array = array sprintf("\t\t.severity = DBA_SEVERITY_%s,\n", toupper(severity))
    array = array sprintf("\t\t.needs = \"%s\",\n\t\t.examines = \"%s\",\n", needs, examines)
    if (general != "")
        array = array "\t\t.general = true,\n"
    array = array "\t\t.doc =\n" doc_c ",\n\t\t.sql =\n" sql_c "\n\t},\n"
    given_category = doc_c = sql_c = first_word = ""
    rules++
}

# A single line needs no newline of its own.
function substr_newline(literal)
{
    sub(/\\n"\n$/, "\"", literal)
    return literal
}

function key_line(    key, value, parts, count, i)
{
    key = $0
    sub(/^-- /, "", key)
    value = key
    sub(/:.*/, "", key)
    sub(/^[^:]*:[ \t]*/, "", value)
    if (key == "category") {
        given_category = value
        if (value != category)
            complain(FNR, "category \"" value "\" is not the folder's, \"" category "\"")
    } else if (key == "severity") {
        severity = value
        if (value !~ /^(info|notice|warning|critical)$/)
            complain(FNR, "severity \"" value "\" is not one of info, notice, warning, critical")
    } else if (key == "needs") {
        needs = value
        count = split(value, parts, /, */)
        for (i = 1; i <= count; i++)
            if (!valid_need(parts[i]))
                complain(FNR, "need \"" parts[i] "\" is not one of primary, preload, observing, statements, window, extension NAME, library NAME, version N")
    } else if (key == "examines") {
        examines = value
        if (value !~ /^(@extschema:[a-z_0-9]+@[.])?[a-z_][a-z_0-9.]*$/)
            complain(FNR, "examines \"" value "\" is no relation name and not \"server\"")
    } else if (key == "general") {
        general = value
        if (value != "yes")
            complain(FNR, "general \"" value "\" is not \"yes\"; leave the line out where it is not")
    } else
        complain(FNR, "unknown key \"" key "\": expected category, severity, needs, examines or general")
}

FNR == 1 {
    end_file()
    begin_file()
    if ($0 !~ "^-- " name ": .")
        complain(1, "the first line is \"-- " name ": what the rule finds, in one line\"")
    title = $0
    sub(/^-- [^:]*: */, "", title)
    state = "keys"
    next
}

{ last = FNR }

/\t/ { complain(FNR, "tab: indent with spaces") }

state == "keys" && /^-- [a-z]+:/ { key_line(); next }
state == "keys" && /^--$/        { state = "doc"; next }
state == "keys"                  { complain(FNR, "expected \"-- key: value\", or \"--\" before the documentation"); state = "doc" }

state == "doc" && /^--/ {
    line = $0
    sub(/^-- ?/, "", line)
    doc = doc line
    doc_c = doc_c c_string(line)
    next
}
state == "doc" { state = "sql" }

state == "sql" {
    if (sql == "" && $0 ~ /^[ \t]*$/)
        next
    if (first_word == "" && $0 !~ /^[ \t]*--/) {
        first_word = toupper($1)
        sub(/[^A-Z].*/, "", first_word)
        first_sql_line = FNR
    }
    if ($0 ~ /;[ \t]*$/)
        complain(FNR, "no semicolon: a rule is one SELECT, and the runner ends it")
    sql = sql $0
    sql_c = sql_c c_string($0)
}

END {
    end_file()
    if (errors)
        exit 1
    print "/* Made from src/rules/ by rules.awk.  Do not edit. */"
    print "#include \"postgres.h\"\n"
    print "#include \"rules/rule.h\"\n"
    print "const DbaRule dba_rules[] = {"
    printf "%s", array
    print "};\n"
    print "const int dba_rule_count = lengthof(dba_rules);"
}

# regress_tap.awk: what pg_regress printed -> TAP.
#
# From 16 on pg_regress prints TAP itself; 15 prints "test NAME ... ok  12 ms",
# and in a parallel group the name alone.

function point(ok, name)
{
	printf "%s %d - %s\n", ok ? "ok" : "not ok", ++points, name
}

/^ok [0-9]+ / || /^not ok [0-9]+ / {
	name = $0
	sub(/^(not )?ok [0-9]+ +[-+] /, "", name)
	sub(/ .*/, "", name)
	point(/^ok/, name)
	next
}

/^(test| +)[^.]+ +\.\.\. (ok|FAILED)/ {
	point(/\.\.\. ok/, $1 == "test" ? $2 : $1)
	next
}

{ print "# " $0 }

END { print "1.." points + 0 }

# Every probe is printed as it fires, its arguments in their order: "probe NAME ARGUMENT...".
set pagination off
set breakpoint pending on
set print thread-events off
break main
run
delete
break -probe-stap bufpool:refill
commands
silent
printf "probe refill %s %lu %u %u\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2, $_probe_arg3
continue
end
break -probe-stap bufpool:steal
commands
silent
printf "probe steal %s %lu %u %u %u\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2, $_probe_arg3, $_probe_arg4
continue
end
break -probe-stap bufpool:flush
commands
silent
printf "probe flush %s %lu %u\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap bufpool:refuse
commands
silent
printf "probe refuse %s %lu %lu\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap bufpool:collect_begin
commands
silent
printf "probe collect_begin %s %u\n", (char *)$_probe_arg0, $_probe_arg1
continue
end
break -probe-stap bufpool:collect_end
commands
silent
printf "probe collect_end %s %u %lu\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap bufpool:purge
commands
silent
printf "probe purge %s %lu %lu\n", (char *)$_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap bufpool:misuse
commands
silent
printf "probe misuse %s %lu %s: %s\n", (char *)$_probe_arg0, $_probe_arg4, (char *)$_probe_arg1, (char *)$_probe_arg2
continue
end
continue

"""The figures of a run as a table for people."""

# What the project promises against this peer, in the same run.
PROMISED = {("mcollective", "ping"): 50, ("mcollective", "rpc"): 20, ("serf", "serf query"): 30}
PROMISED_MEMORY = {"mcollective": 3}

BASIS = ("exec to exit is of the whole command; one whose answers have lines of their own also has the last of them",
         "processor time: of the command with its children, and of all daemons with a broker and what they do when nobody asks; the mean over the runs",
         "memory: of a daemon, the median over them when all runs are done; PSS divides shared pages among those who share them, RSS counts them in each",
         "others: how much of the processors went to what is none of this, while the command ran; from 10 % on its times are too long",
         "all daemons and the command share this machine's processors: absolute times hold only here, the factors compare one run")


def median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def number(value):
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def spread(values):
    return "-" if not values else f"{number(median(values))} [{number(min(values))}..{number(max(values))}]"


def own(rows, row, kind):
    """The row of mco that this one is compared with."""
    found = [it for it in rows if it["peer"] == "mco" and it["nodes"] == row["nodes"] and it["kind"] == kind and it["wall_ms"]]
    return found[0] if found else None


def factor(rows, row):
    """How many times as long as mco it takes; exec to exit."""
    mine = own(rows, row, row["kind"])
    return median(row["wall_ms"]) / median(mine["wall_ms"]) if mine and row["wall_ms"] else None


def memory_factors(rows, row):
    """How many times the memory of mcod, by PSS and by RSS."""
    mine = own(rows, row, "ping")
    if not mine or not mine["daemon_rss_mib"] or not row["daemon_rss_mib"]:
        return None
    return row["daemon_pss_mib"] / mine["daemon_pss_mib"], row["daemon_rss_mib"] / mine["daemon_rss_mib"]


def verdicts(rows):
    for row in rows:
        wanted = PROMISED.get((row["peer"], row["kind"])) or PROMISED.get((row["peer"], row["work"]))
        found = factor(rows, row)
        if wanted and found:
            yield f"{row['nodes']} nodes: mco is {found:.0f} times as fast as {row['peer']}'s {row['work']}, at least {wanted} promised: " + (
                "kept" if found >= wanted else "MISSED")
        wanted, found = PROMISED_MEMORY.get(row["peer"]), memory_factors(rows, row)
        if wanted and found and row["kind"] == "ping":
            kept = "kept" if min(found) >= wanted else "kept by PSS only" if found[0] >= wanted else "MISSED"
            yield (f"{row['nodes']} nodes: a daemon of {row['peer']} takes {found[0]:.1f} times the memory of mcod by PSS and {found[1]:.1f} times by RSS, "
                   f"at least {wanted} promised: {kept}")


def show(rows, skipped, caveats):
    if rows:
        show_rows(rows)
    for line in verdicts(rows):
        print(line)
    for nodes, peer, reason in skipped:
        print(f"skipped: {peer} at {nodes} nodes: {reason}")
    if rows:
        print("\nmedians [least..most]")
        for line in (*BASIS, *caveats):
            print(f"  {line}")


def show_rows(rows):
    heads = ("", "nodes", "runs", "answered", "exec to exit ms", "x mco", "last answer ms", "processor ms", "of daemons", "PSS MiB", "RSS MiB", "others")
    lines = [heads]
    for row in rows:
        times = factor(rows, row)
        lines.append((
            f"{row['peer']}: {row['work']}{' (INTERRUPTED)' if row['interrupted'] else ''}", str(row["nodes"]), str(row["runs"]),
            str(row["answered_least"]) if row["answered_least"] == row["answered_most"] else f"{row['answered_least']}..{row['answered_most']}",
            spread(row["wall_ms"]), f"{times:.1f}" if times and row["peer"] != "mco" else "-", spread(row["last_ms"]),
            number(row["command_processor_ms"]), number(row["daemons_processor_ms"]), number(row["daemon_pss_mib"]), number(row["daemon_rss_mib"]),
            f"{row['others_percent']:.0f} %"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(text.ljust(width) if i == 0 else text.rjust(width) for i, (text, width) in enumerate(zip(line, widths))))

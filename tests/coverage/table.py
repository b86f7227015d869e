"""Prints what was run of each file and folder, and what is below its floor (then status 1)."""
import json
import sys

# Lines, of a whole folder, in per cent.
FOLDERS = {"common": 95.0, "pam_lockbox": 95.0, "nss_lockbox": 95.0, "lockboxd/keeper": 95.0}
# The state machine, the decoders, and what decides: every branch.
BRANCHES = """
common/wire.c common/fields.c common/proto.c lockboxd/ipc.c lockboxd/keeper/store_records.c
lockboxd/keeper/store_changes.c lockboxd/keeper/store_blocks.c lockboxd/keeper/grant.c lockboxd/keeper/decide.c lockboxd/keeper/ask.c lockboxd/keeper/dispatch.c
lockboxd/keeper/claim.c lockboxd/keeper/login.c lockboxd/keeper/budget.c lockboxd/keeper/password.c
lockboxd/policy/rights.c
""".split()


def row(name, lines, branches):
    def part(have, of):
        return f"{have:6d} of {of:6d}  {100 * have / of if of else 100:6.1f} %"

    print(f"{name:34} {part(*lines)}   {part(*branches)}")


def main(path):
    with open(path, encoding="utf-8") as f:
        files = {x["filename"]: x for x in json.load(f)["files"]}
    below = []
    folders = {}
    for name, x in sorted(files.items()):
        sums = folders.setdefault(name.rsplit("/", 1)[0], [0, 0, 0, 0])
        for i, key in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
            sums[i] += x[key]
    print(f"{'':34} {'lines':^26}   {'branches':^26}")
    for folder, sums in sorted(folders.items()):
        for name, x in sorted(files.items()):
            if name.rsplit("/", 1)[0] == folder:
                row("  " + name[len(folder) + 1 :], (x["line_covered"], x["line_total"]),
                    (x["branch_covered"], x["branch_total"]))
        row(folder + "/", sums[:2], sums[2:])
        if sums[0] < FOLDERS.get(folder, 0) / 100 * sums[1]:
            below.append(f"{folder}/: {100 * sums[0] / sums[1]:.1f} % of lines, due {FOLDERS[folder]} %")
    for name in BRANCHES:
        x = files.get(name)
        if x is None or x["branch_covered"] < x["branch_total"]:
            left = "not counted" if x is None else f"{x['branch_total'] - x['branch_covered']} branches left"
            below.append(f"{name}: {left}, due is every branch")
    for line in below:
        print("BELOW THE FLOOR", line)
    return 1 if below else 0


sys.exit(main(sys.argv[1]))

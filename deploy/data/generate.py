#!/usr/bin/env python3
"""Makes the data files of this folder from sources/ and rules/.

    generate.py            writes the files
    generate.py --check    writes nothing; exits 1 and names every file that differs

Lines of the .jsonl files are proto3 JSON of yikou.casework.v1.Unit and Item, with the field names of
the .proto file; fields at their default are left out. Whatever the sources do not give is filled from
rules/ and named in the item's `synthetic`; catalogue/README.md states the rules in words.
"""
import csv
import io
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import validate  # noqa: E402  (beside this file; leaves no cache in the tree)

HERE = pathlib.Path(__file__).resolve().parent
TIER_OF_LENGTH = {6: "DISTRICT", 9: "STREET", 12: "COMMUNITY"}


def read_csv(path):
    with open(HERE / path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path):
    return json.loads((HERE / path).read_text(encoding="utf-8"))


def json_lines(messages):
    return "".join(json.dumps(m, ensure_ascii=False, separators=(",", ":")) + "\n" for m in messages)


def compact(message):
    """Leaves out what proto3 JSON leaves out: fields at their default."""
    return {key: value for key, value in message.items() if value not in ("", None, False, [], {})}


# --- directory ---------------------------------------------------------------------------------

def unit(unit_id, kind, name, parent="", tier="", added=True):
    division = unit_id.split("-")[0]
    tier = tier or TIER_OF_LENGTH[len(division)]
    return compact({"unit_id": unit_id, "tier": "TIER_" + tier, "kind": "UNIT_KIND_" + kind,
                    "name": name, "parent_id": parent, "added": added})


def bodies_of(division, rules):
    """Bodies that only this division has."""
    return [unit(b["unit_id"], b["kind"], b["name"], division)
            for b in rules["bodies"] if b["unit_id"].split("-")[0] == division]


def centre_title(street, rules):
    longest = max((p for p in rules["centres"] if street.startswith(p)), key=len)
    return rules["centres"][longest]


def district_units(code, name, rules):
    units = [unit(code, "DIVISION", name, added=False)]
    for slug, title in rules["departments"].items():
        if name.endswith("县"):
            title = rules["county_departments"].get(slug, title)
        units.append(unit(f"{code}-{slug}", "DEPARTMENT", name + title, code))
    return units + bodies_of(code, rules)


def street_units(row, rules):
    code, name = row["street_code"], row["street"]
    centre = unit(f"{code}-centre", "CENTRE", name + centre_title(code, rules), code)
    return [unit(code, "DIVISION", name, row["district_code"], added=False), centre] + bodies_of(code, rules)


def community_units(row, rules):
    code, name = row["community_code"], row["community"]
    short = re.sub("(居委会|居民委员会|村委会|村民委员会)$", "", name)
    units = [
        unit(code, "DIVISION", name, row["street_code"], added=False),
        unit(f"{code}-station", "STATION", short + "服务站", code),
    ]
    for number in range(1, 3 if code in rules["two_grids"] else 2):
        grid = f"g{number:02}"
        units.append(unit(f"{code}-{grid}", "GRID", f"{short}网格{grid}", code, tier="GRID"))
    return units + bodies_of(code, rules)


def build_units(rules):
    streets = read_csv("sources/divisions/seed_districts_streets.csv")
    communities = read_csv("sources/divisions/seed_districts_communities.csv")
    units = []
    for code in rules["districts"]:
        mine = [s for s in streets if s["district_code"] == code]
        units += district_units(code, mine[0]["district"], rules)
        for street in mine:
            units += street_units(street, rules)
            for row in communities:
                if row["street_code"] == street["street_code"]:
                    units += community_units(row, rules)
    return units


def build_workers(units, rules):
    """One worker a grid; the next grid of the same street backs it up, the last by the first."""
    streets = {}
    for grid in (u for u in units if u["kind"] == "UNIT_KIND_GRID"):
        streets.setdefault(grid["unit_id"][:9], []).append(grid)
    rows = []
    for grids in streets.values():
        for index, grid in enumerate(grids):
            backup = grids[(index + 1) % len(grids)]["unit_id"] if len(grids) > 1 else ""
            rows.append({
                "worker_id": "w-" + grid["unit_id"],
                "name": grid["name"].replace("网格", "网格员"),
                "unit_id": grid["parent_id"],
                "grid_id": grid["unit_id"],
                "backup_worker_id": backup and "w-" + backup,
                "duty_from": rules["duty"]["from"],
                "duty_to": rules["duty"]["to"],
            })
    return rows


# --- catalogue ---------------------------------------------------------------------------------

def limit(text):
    value, time_unit = text.split()
    return {"value": int(value), "unit": "TIME_UNIT_" + time_unit}


def first_match(text, table, default=""):
    return next((value for pattern, value in table if re.search(pattern, text)), default)


def material_rules(name, explicit, fill):
    """The materials named, or else those whose pattern the item's name matches."""
    def wanted(material):
        if explicit is not None:
            return material["code"] in explicit
        if "when" not in material or not re.search(material["when"], name):
            return False
        if material["code"] != "ID_CARD" and re.search(fill["identity_only"], name):
            return False
        return not ("unless" in material and re.search(material["unless"], name))

    return [{"code": m["code"], "name": m["name"], **{flag: True for flag in m["flags"]}}
            for m in fill["materials"] if wanted(m)]


def step_rule(branch, name, text, body):
    kind, tier, slug = (text.split() + [""])[:3]
    return compact({"branch_id": branch, "branch_name": name, "kind": "STEP_KIND_" + kind,
                    "tier": "TIER_" + tier, "body": body if slug == "@" else slug, "mandatory": True})


def placement(entry, defaults, fill):
    body = entry.get("body") or first_match(entry["department"], fill["bodies"], fill["default_body"])
    branches = entry.get("branches") or {"main": ["主办"] + entry.get("steps", defaults["steps"])}
    return compact({
        "rule_id": "p1",
        "unit_id": entry.get("unit", ""),
        "effective_from": fill["effective_from"],
        "accept_tier": "TIER_" + entry.get("accept", defaults["accept"]),
        "accept_scope": "ACCEPT_SCOPE_" + entry.get("scope", "STREET"),
        "steps": [step_rule(branch, name, text, body)
                  for branch, (name, *steps) in branches.items() for text in steps],
        "counter_decides": entry.get("counter_decides", False),
        "decided_by_rule": entry.get("decided_by_rule", False),
    })


def build_item(entry, given, fill):
    """One Item: the entry's own values over the defaults of its type; all not given is synthetic."""
    defaults = fill["types"][entry["type"]]
    name = entry["name"]
    value = {**defaults, **entry}
    item = compact({
        "code": entry["code"],
        "version": 1,
        "name": name,
        "item_type": entry["type"],
        "kind": "ITEM_KIND_" + value["kind"],
        "list_kind": "LIST_KIND_" + entry["list_kind"] if "list_kind" in entry else "",
        "service_line": first_match(name, [(p, line) for line, p in fill["service_lines"]]),
        "department": entry["department"],
        "materials": material_rules(name, entry.get("materials"), fill),
        "form": entry.get("form", []),
        "statutory": limit(value["statutory"]),
        "promised": limit(value["promised"]),
        "step": limit(entry["step"]) if "step" in entry else None,
        "suspension_reasons": entry.get("suspension_reasons", []),
        "extension_cap": limit(entry["extension_cap"]) if "extension_cap" in entry else None,
        "placements": [placement(entry, defaults, fill)],
        "join": "JOIN_POLICY_ALL",
        "handling": "HANDLING_MODE_" + value["handling"],
        "licence": entry.get("licence"),
        "admission": {"state": "ADMISSION_STATE_" + entry.get("state", "ADMITTED"),
                      "date": fill["effective_from"], "basis": entry["basis"]},
        "visits": 1,
        "source": entry["source"],
    })
    known = {"version", "source", *given}
    return {**item, "synthetic": [field for field in item if field not in known]}


def article_items(fill):
    """The items of the articles, then the made-up ones of rules/items.json."""
    seeds = {row["id"]: row for row in read_csv("sources/catalog/seed_items.csv")}
    items = []
    for rule in read_json("rules/items.json"):
        row = seeds.pop(rule["seed"]) if "seed" in rule else None
        note = rule.get("note", "")
        if row is None:
            entry = {**rule, "department": "", "basis": "synthetic", "source": "synthetic: " + note}
            items.append(build_item(entry, [], fill))
            continue
        given = ["name", *rule.get("given", []), *(f for f in ("department", "materials") if row[f])]
        source = f"article {row['seed']}, seed_items.csv {row['id']}: {row['place']}，{row['quote']}"
        entry = {**rule, "code": "YK-" + row["id"], "name": row["name"], "department": row["department"],
                 "basis": f"article {row['seed']}",
                 "source": "；".join(text for text in (source, row["note"], note) if text)}
        items.append(build_item(entry, given, fill))
    if seeds:
        sys.exit(f"rules/items.json leaves out {sorted(seeds)}")
    return items


def real_items(fill):
    items = []
    for row in read_csv("sources/catalog/guangan_items.csv"):
        main = f"; main item {row['main_item']}" if row["main_item"] else ""
        entry = {"code": row["item_code"], "name": row["item"], "type": row["task_type_name"],
                 "department": row["department"], "basis": "synthetic: admitted as imported",
                 "source": "GitHub v-luobo/zwfw 11bd626, Apache-2.0, 广安区" + main}
        given = ["code", "name", "item_type", "department"]
        if "（即办件）" in row["item"] or "（承诺件）" in row["item"]:
            entry["kind"] = "INSTANT" if "即办件" in row["item"] else "COMMITMENT"
            entry.update({"promised": "1 WORKING_DAY"} if entry["kind"] == "INSTANT" else {})
            given.append("kind")
        items.append(build_item(entry, given, fill))
    return items


def build_seals(items, units):
    """A seal for every seal_id of a licence, scoped to the items that name it."""
    names = {u["unit_id"]: u["name"] for u in units}
    bodies = {r["code"]: r["competent_body"] for r in read_json("rules/items.json") if "competent_body" in r}
    forbidden = [{"item": code, "competent_body": body} for code, body in bodies.items()]
    seals = {}
    for item in items:
        if "licence" in item:
            seal_id = item["licence"]["seal_id"]
            owner = item["placements"][0]["unit_id"] + "-" + seal_id
            seal = seals.setdefault(seal_id, {"seal_id": seal_id, "name": names[owner] + "电子公章",
                                              "scope": [], "forbidden": forbidden})
            seal["scope"].append(item["code"])
    return list(seals.values())


def build_categories():
    return [{
        "code": row["code"],
        "name": row["name"],
        "class": row["class"],
        "handle": limit(f"{row['handle_value']} {row['handle_unit']}"),
        "photos_required": row["photos_required"] == "1",
        "urgent": row["urgent"] == "1",
        "source": row["source"] if row["source"] == "synthetic" else row["source"] + "; handle synthetic",
    } for row in read_csv("rules/grid_categories.csv")]


# --- files -------------------------------------------------------------------------------------

def csv_text(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def build_files():
    rules, fill = read_json("rules/directory.json"), read_json("rules/fill.json")
    units = build_units(rules)
    items = article_items(fill) + real_items(fill)
    categories = build_categories()
    lines = [r["name"] for r in read_csv("sources/catalog/seed_categories.csv") if r["group"] == "十条站线"]
    errors = validate.all_errors(units, items, categories, lines)
    if errors:
        sys.exit("\n".join(errors[:20]))
    holidays = "cn_holidays_2007_2026.csv"
    return {
        "directory/units.jsonl": json_lines(units),
        "directory/workers.csv": csv_text(build_workers(units, rules)),
        "catalogue/items.jsonl": json_lines(items),
        "catalogue/seals.json": json.dumps(build_seals(items, units), ensure_ascii=False, indent=2) + "\n",
        "calendar/" + holidays: (HERE / "sources/holidays" / holidays).read_text(encoding="utf-8"),
        "grid/categories.json": "[\n" + ",\n".join(json_lines([c]).strip() for c in categories) + "\n]\n",
    }


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit("usage: generate.py [--check]")
    files = {HERE / name: text.encode("utf-8") for name, text in build_files().items()}
    if arguments:
        stale = [path for path, data in files.items() if not path.exists() or path.read_bytes() != data]
        for path in stale:
            print(f"{path.relative_to(HERE)} differs from what generate.py makes")
        return 1 if stale else 0
    for path, data in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What must hold for the generated data; every function answers a list of sentences."""
import re

LENGTH_OF_TIER = {"TIER_DISTRICT": 6, "TIER_STREET": 9, "TIER_COMMUNITY": 12}
COMMUNITY = re.compile(r"[0-9]{12}")
ASCII_NAME = re.compile(r"[a-z][a-z0-9_]*")


def unit_errors(units):
    seen, errors = set(), []
    for entry in units:
        unit_id, parent = entry["unit_id"], entry.get("parent_id", "")
        if unit_id in seen or len(unit_id) > 40 or len(entry["name"]) > 200:
            errors.append(f"unit {unit_id}: twice, or too long")
        if parent not in seen and parent or not unit_id.startswith(parent):
            errors.append(f"unit {unit_id}: parent {parent} is not before it")
        seen.add(unit_id)
    return errors


def placement_errors(code, rule, ids):
    """Every step must find its unit from every community below the rule's unit."""
    errors = []
    last = {step["branch_id"]: step["kind"] for step in rule["steps"]}
    if set(last.values()) != {"STEP_KIND_DECIDE"}:
        errors.append(f"item {code}: a branch does not end in DECIDE")
    homes = [i for i in ids if COMMUNITY.fullmatch(i) and i.startswith(rule.get("unit_id", ""))]
    if not homes:
        errors.append(f"item {code}: no community below {rule['unit_id']}")
    for step in rule["steps"]:
        length = LENGTH_OF_TIER[step["tier"]]
        body = "-" + step["body"] if "body" in step else ""
        missing = {home[:length] + body for home in homes} - ids
        errors += [f"item {code}: no unit {unit_id}" for unit_id in sorted(missing)]
    return errors


def item_errors(item, ids, lines):
    code, errors = item["code"], []
    days, promised = item["statutory"], item["promised"]
    if days["unit"] == promised["unit"] and promised["value"] > days["value"]:
        errors.append(f"item {code}: promises more than the statutory limit")
    if len(code) > 100 or len(item["name"]) > 200:
        errors.append(f"item {code}: code or name too long")
    if item.get("service_line", lines[0]) not in lines:
        errors.append(f"item {code}: service line {item['service_line']} is not one of the ten")
    if not all(ASCII_NAME.fullmatch(field["name"]) for field in item.get("form", [])):
        errors.append(f"item {code}: a form field's name is not a plain ASCII key")
    for rule in item["placements"]:
        errors += placement_errors(code, rule, ids)
    return errors


def twice(what, codes):
    return [f"{what} {code} occurs twice" for code in sorted({c for c in codes if codes.count(c) > 1})]


def all_errors(units, items, categories, lines):
    ids = {u["unit_id"] for u in units}
    errors = unit_errors(units)
    for item in items:
        errors += item_errors(item, ids, lines)
    errors += twice("item", [i["code"] for i in items])
    return errors + twice("category", [c["code"] for c in categories])

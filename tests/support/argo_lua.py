"""Argo CD's scripts, run as Argo CD runs them: Lua 5.1 with base, package and table, and no other library.

Argo CD has gopher-lua, and a time limit of a second.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lupa.lua51 import LuaRuntime, lua_type

from tests.support.shipped_monitoring import ROOT

SCRIPTS: Final = ROOT / "contrib" / "argocd" / "resource_customizations" / "modelalias.dev"
_TAKEN_AWAY: Final = """
for _, name in ipairs{"string", "math", "io", "os", "debug", "coroutine", "bit", "python"} do _G[name] = nil end
"""
Object = Mapping[str, Any]


def health(item: Object) -> Object:
    """Return status and message that Argo CD shows for an object."""
    found: Object = run(SCRIPTS / item["kind"] / "health.lua", item)
    return found


def discovered(item: Object) -> Mapping[str, Object]:
    """Return the actions that Argo CD offers for an object."""
    found: Mapping[str, Object] = run(SCRIPTS / item["kind"] / "actions" / "discovery.lua", item)
    return found


def acted(action: str, item: Object) -> Object:
    """Return the object as an action of Argo CD leaves it."""
    found: Object = run(SCRIPTS / item["kind"] / "actions" / action / "action.lua", item)
    return found


def run(script: Path, item: Object) -> Any:
    """Return what a script makes of an object."""
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    lua.execute(_TAKEN_AWAY)
    lua.globals().obj = _to_lua(lua, item)
    return _from_lua(lua.execute(script.read_text(encoding="utf-8")), item)


def _to_lua(lua: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        return lua.table_from({key: _to_lua(lua, inner) for key, inner in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, inner) for inner in value])
    return value


def _from_lua(value: Any, before: Any) -> Any:
    """Return a value of Lua; an empty table is what stood there before, as Argo CD takes it."""
    if lua_type(value) != "table":
        return value
    keys = [*value.keys()]
    if not keys:
        return before if before in ([], {}) else {}
    if all(isinstance(key, int) for key in keys):
        old = before if isinstance(before, list) else []
        pairs = zip(sorted(keys), [*old, *[None] * len(keys)], strict=False)
        return [_from_lua(value[key], inner) for key, inner in pairs]
    known = before if isinstance(before, Mapping) else {}
    return {key: _from_lua(value[key], known.get(key)) for key in keys}

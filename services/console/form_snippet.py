"""A form's HTML to paste into a page of any site: its fields, and where it is sent, what it is guarded by included."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

_SCRIPT: Final = """<script>
(function () {{
  var form = document.currentScript.previousElementSibling;
  fetch({url}).then(function (answer) {{ return answer.json(); }}).then(function (told) {{
    form.elements[told.field].value = told.nonce;
  }});
}})();
</script>
"""
_TRAP: Final = (
    '  <p style="position:absolute;left:-9999px" aria-hidden="true">'
    '<label>Leave this empty <input name="{name}" tabindex="-1" autocomplete="off"></label></p>\n'
)


def snippet(form_id: str, settings: Mapping[str, Any], labels: Mapping[str, str], public_url: str) -> str:
    """Return the HTML. `labels` are those of the catalogue's fields."""
    url = f"{public_url}/s/{form_id}"
    guarded = settings.get("nonce") or settings.get("min_seconds")
    lines = [f'<form method="post" action="{escape(url)}">\n']
    for name, target in settings.get("mapping", {}).items():
        kind = ' type="email" required' if target == "email" else ""
        label = "E-mail" if target == "email" else labels.get(target, name)
        lines.append(f'  <p><label>{escape(label)} <input name="{escape(name)}"{kind}></label></p>\n')
    if trap := settings.get("honeypot"):
        lines.append(_TRAP.format(name=escape(trap)))
    if guarded:
        lines.append('  <input type="hidden" name="finish-nonce">\n')
    lines.append("  <p><button>Send</button></p>\n</form>\n")
    if guarded:
        lines.append(_SCRIPT.format(url=_quoted(f"{url}/nonce")))
    return "".join(lines)


def _quoted(url: str) -> str:
    """Write a URL as a string of a script in HTML: an address of ours has neither quotes nor backslashes."""
    return '"' + "".join(each for each in url if each not in '"\\<>\n\r') + '"'

"""What a rotation led to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.render.terminal import prose
from reconciler.render.wording import listed, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.outcome import Window
    from reconciler.render.terminal import Style


def lines_of(texts: Sequence[str], style: Style, width: int) -> list[str]:
    """Sentences for a terminal, each from the beginning of a line."""
    return [line for text in texts for line in prose(text, style, width)]


def window_lines(windows: Sequence[Window], style: Style, width: int) -> list[str]:
    """How long each old secret was refused while a sign-on still used it."""
    return lines_of([text for window in windows for text in _sentences(window)], style, width)


def _sentences(window: Window) -> Iterator[str]:
    reached = window.consumers - len(window.open)
    if not window.consumers:
        yield f"{window.address}: a new secret. No sign-on of the spec uses it."
    elif not window.seconds:
        yield f"{window.address}: a new secret. {number(window.consumers, 'sign-on')} had another client meanwhile."
    elif reached:
        yield (
            f"{window.address}: a new secret. From its making until {number(reached, 'sign-on')} had it, at most "
            f"{window.seconds:.2f} s passed; logins failed meanwhile."
        )
    if window.open:
        names = [str(address) for address in window.open]
        yield f"{window.address}: still with the old secret, which is refused: {listed(names)}."

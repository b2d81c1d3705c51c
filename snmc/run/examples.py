"""The cards that come with snmc: complete examples, to be printed and changed."""

from pathlib import Path

import snmc
from snmc.ground.errors import unknown_name
from snmc.ground.toml import read_toml


def example_cards() -> dict[str, Path]:
    """Paths of the shipped cards by name, in alphabetical order.

    They are the folder `macros` beside snmc in a checkout, inside it where it is installed.
    """
    package = Path(snmc.__file__).parent
    installed = package / "macros"
    folder = installed if installed.is_dir() else package.parent / "macros"
    return {card.stem: card for card in sorted(folder.glob("*.toml"), key=lambda card: card.stem)}


def example(name: str) -> str:
    """Text of the shipped card of that name. Raises InputError for one that does not exist."""
    cards = example_cards()
    stem = name.removesuffix(".toml")
    if stem not in cards:
        raise unknown_name("example", name, cards)
    return cards[stem].read_text(encoding="utf-8")


def example_titles() -> dict[str, str]:
    """Titles of the shipped cards by name."""
    return {
        name: str(read_toml(path, "the card").get("title", ""))
        for name, path in example_cards().items()
    }

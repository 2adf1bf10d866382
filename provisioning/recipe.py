"""A recipe is a list of steps: what one kind of station does, in order."""

from __future__ import annotations

import tomllib
from importlib import resources

import msgspec

from contracts.settings import SettingsError, convert_settings
from provisioning.steps.all import STEPS


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes: name of the recipe; steps by name, in order."""

    name: str
    steps: list[str]


def recipes() -> list[str]:
    """Names of the recipes that come with the product."""
    folder = resources.files("provisioning") / "recipes"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_recipe(name: str) -> Recipe:
    """A recipe of the product.

    Raises:
        SettingsError: there is none of this name, or it names a step nobody knows.
    """
    if name not in recipes():
        raise SettingsError(f"no recipe {name!r}; known: {', '.join(recipes())}")
    text = (resources.files("provisioning") / "recipes" / f"{name}.toml").read_text("utf-8")
    return read_recipe(text)


def read_recipe(text: str) -> Recipe:
    """A recipe from TOML.

    Raises:
        SettingsError: not TOML, an unknown key, an unknown step, a step twice.
    """
    try:
        recipe = convert_settings(Recipe, tomllib.loads(text))
    except tomllib.TOMLDecodeError as why:
        raise SettingsError(f"the recipe is not TOML: {why}") from why
    unknown = [step for step in recipe.steps if step not in STEPS]
    if unknown:
        raise SettingsError(f"unknown step {unknown[0]!r}; known: {', '.join(STEPS)}")
    if len(set(recipe.steps)) != len(recipe.steps):
        raise SettingsError("a recipe names each step once")
    return recipe

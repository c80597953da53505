"""Made-up people, the same for the same seed; the played identity providers and the bench provision them."""

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

REPORTS: Final = 8
"""How many people report to one manager."""

_GIVEN: Final = (
    *("Zoë", "Jürgen", "Siobhán", "Łukasz", "Noémie", "Åsa", "İpek", "Nguyễn Thị Minh", "María José", "Jean-François"),
    *("Ada", "Grace", "Olu", "Mei", "Priya", "Dmitri", "D'Andre", "Ngozi", "Tomás", "Bjørn", "Chloë", "Renée", "Ana"),
    *("Hildegard-Wilhelmine", "Maximiliana Konstantina", "Xiu", "Kwame", "Ayşe", "Þóra", "Søren", "Ines", "Yusuf"),
)
_FAMILY: Final = (
    *("O'Brien", "D'Angelo", "Müller", "García Márquez", "Brontë", "Łukasiewicz", "Ødegård", "Nuñez", "Çelik", "Ng"),
    *("van der Westhuizen", "Saint-Exupéry", "N'Diaye", "Groß", "Smith", "Lovelace", "Okafor", "Iyer", "Þórsdóttir"),
    *("Wolfeschlegelsteinhausenbergerdorff", "Featherstonehaugh-Cholmondeley", "Dvořák", "Kovačević", "Li", "Haddad"),
)
_TITLES: Final = (
    "Analyst",
    "Engineer",
    "Trainer",
    "Nurse Educator",
    "Account Executive",
    "Team Lead",
    "Site Supervisor",
)
_DEPARTMENTS: Final = {
    "Operations": ("Logistics", "Facilities", "Health & Safety"),
    "Commercial": ("Sales", "Marketing", "Customer Success"),
    "Technology": ("Platform Engineering", "Research & Development", "IT Support"),
    "Corporate": ("People & Culture", "Finance", "Legal"),
}
_OFFICES: Final = (
    ("US-East", "350 Fifth Avenue", "New York", "10118", "US", "+1 212 555"),
    ("US-West", "1 Market Street", "San Francisco", "94105", "US", "+1 415 555"),
    ("EMEA", "Königsallee 92", "Düsseldorf", "40212", "DE", "+49 211 555"),
    ("APAC", "120 Collins Street", "Melbourne", "3000", "AU", "+61 3 5550"),
)
# Letters that Unicode does not take apart into a base letter and a mark.
_BASE_LETTERS: Final = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "Þ": "Th"})


@dataclass(frozen=True, slots=True)
class Organization:
    """A made-up employer: its mail domain, the seed of its people and the first digits of their employee numbers."""

    domain: str
    seed: int
    employee_prefix: str


@dataclass(frozen=True, slots=True)
class Person:
    """One employee; ``number`` counts from 0 in the organization, ``manager`` is the manager's number."""

    number: int
    object_id: str
    user_name: str
    email: str
    given_name: str
    family_name: str
    title: str
    division: str
    department: str
    region: str
    street: str
    locality: str
    postal_code: str
    country: str
    employee_number: str
    hire_date: date
    cost_center: str
    phone: str
    mobile: str
    manager: int | None
    active: bool = True

    @property
    def display_name(self) -> str:
        """The name as colleagues see it."""
        return f"{self.given_name} {self.family_name}"


def person(organization: Organization, number: int) -> Person:
    """Make up one person: the same for the same organization and number, however many others there are."""
    random = Random(f"{organization.seed}:{number}")  # noqa: S311  # made-up people, no secrets
    given, family = random.choice(_GIVEN), random.choice(_FAMILY)
    division = random.choice(tuple(_DEPARTMENTS))
    region, street, locality, postal_code, country, dial = random.choice(_OFFICES)
    return Person(
        number=number,
        object_id=str(uuid.UUID(int=random.getrandbits(128), version=4)),
        user_name=sign_in_name(given, family, number, organization.domain),
        email=mail_address(given, family, number, organization.domain),
        given_name=given,
        family_name=family,
        title=random.choice(_TITLES),
        division=division,
        department=random.choice(_DEPARTMENTS[division]),
        region=region,
        street=street,
        locality=locality,
        postal_code=postal_code,
        country=country,
        employee_number=f"{organization.employee_prefix}{number:06d}",
        hire_date=date(2009, 1, 5) + timedelta(days=random.randrange(6000)),
        cost_center=f"CC-{random.randrange(1000, 9999)}",
        phone=f"{dial} {random.randrange(10_000):04d}",
        mobile=f"{dial} {random.randrange(10_000):04d}",
        manager=(number - 1) // REPORTS if number else None,
    )


def people(organization: Organization, count: int) -> dict[int, Person]:
    """Make up the first ``count`` people of an organization, by number."""
    return {number: person(organization, number) for number in range(count)}


def departments(division: str) -> tuple[str, ...]:
    """Return the departments of a division."""
    return _DEPARTMENTS[division]


def sign_in_name(given: str, family: str, number: int, domain: str) -> str:
    """Return a userName: ASCII letters, digits, dots and apostrophes, as directories allow them."""
    return f"{_ascii(given)[:1]}.{_ascii(family)}{number}@{domain}".lower()


def mail_address(given: str, family: str, number: int, domain: str) -> str:
    """Return an e-mail address that is not the userName."""
    return f"{_ascii(given)}.{_ascii(family)}.{number}@mail.{domain}"


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_BASE_LETTERS)).encode("ascii", "ignore").decode()
    return plain.replace(" ", "")

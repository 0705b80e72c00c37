"""Two names of one person, and two people's: in either order, in any script, and never from nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.identities import name_probability, name_reasons

ONE_PERSON = {
    "Cyrillic, English way": ("Юлия Щербакова", "Yuliya Shcherbakova"),
    "Cyrillic, German way": ("Юлия Щербакова", "Julia Schtscherbakowa"),
    "Cyrillic, passport": ("Юлия Щербакова", "Iuliia Shcherbakova"),
    "Ukrainian and Russian": ("Володимир Гончаренко", "Vladimir Goncharenko"),
    "Arabic": ("عبد الرحمن القاسم", "Abdurrahman Al-Qassem"),
    "Persian": ("شیرین احمدی", "Shirin Ahmadi"),
    "Hebrew": ("יצחק פרידמן", "Itzhak Friedman"),
    "Greek": ("Ευάγγελος Παπαδόπουλος", "Vangelis Papadopulos"),
    "Georgian": ("გიორგი კაპანაძე", "Giorgi Kapanadze"),
    "Armenian": ("Հակոբ Պետրոսյան", "Hagop Petrossian"),
    "Chinese": ("陈志明", "Chen Zhiming"),
    "Cantonese": ("陈志明", "Chan Chi-ming"),
    "two ways of romanising": ("Zhang Jianguo", "Chang Chien-kuo"),
    "Japanese": ("佐藤太郎", "Taroh Satou"),
    "kana": ("マリア・ガルシア", "Maria Garcia"),
    "Korean": ("최민호", "Choi Min-ho"),
    "Thai": ("สมชาย ใจดี", "Somchai Jaidee"),
    "Devanagari": ("राजेश शर्मा", "Rajesh Sharma"),
    "dotless i": ("I\u015f\u0131k Y\u0131ld\u0131z", "ISIK YILDIZ"),
    "Vietnamese": ("Đặng Thị Hương", "Dang Thi Huong"),
    "umlauts": ("Jürgen Schäfer", "Juergen Schafer"),
    "nickname": ("Peggy Thornbury", "Margaret Thornbury"),
    "diminutive in its script": ("Саша Белов", "Alexander Belov"),
    "initials": ("J.-C. Delacroix", "Jean-Claude Delacroix"),
    "patronymic left out": ("Иванов Иван Иванович", "Ivan Ivanov"),
    "order": ("PEMBERTON, Edward", "Edward Pemberton"),
    "two surnames": ("Juan Núñez Ibáñez", "Juan Nunez"),
    "particles": ("Ludwig van der Velde", "Ludwig Vandervelde"),
    "title": ("Dr. Heinz Großmann", "Heinz Grossmann"),
    "woman's surname": ("Мария Петрова", "Maria Petrov"),
    "slip of the pen": ("Edward Pemebrton", "Edward Pemberton"),
    "bad copy": ("Rnartin 0'Donne1l", "Martin O'Donnell"),
    "run together": ("EdwardPemberton", "Edward Pemberton"),
    "a name with itself": ("John Smith", "John Smith"),
    "the same name in another language": ("Jan Kowalczyk", "John Kowalczyk"),
    "Canton by rule, for any character": ("鄧麗珊", "Tang Lai Shan"),
    "Singapore": ("陳文德", "Tan Boon Teck"),
    "Taiwan": ("許志豪", "Hsu Chih-hao"),
    "Hanja and Hangul": ("金明洙", "김명수"),
    "Korean in two ways": ("Jeong Hyeonu", "Jung Hyunwoo"),
    "a Western name before a Chinese one": ("Winnie Ho Mei-kuen", "何美娟"),
    "Thai with a last l": ("วิชัย รัตนกุล", "Wichai Rattanakul"),
    "Khmer": ("សុខ វិបុល", "Sok Vibol"),
    "Burmese, written as one word": ("မောင်မောင်လွင်", "Maung Maung Lwin"),
    "Burmese, after the word for Mr": ("ဦးသိန်းလွင်", "Thein Lwin"),
    "schwa": ("Rəşad Məmmədov", "Rashad Mammadov"),
    "initials that make a syllable": ("TE Ashby", "Thomas Edward Ashby"),
    "a word cut short": ("Chr. Ashby Langdon", "Christian Ashby Langdon"),
    "Arabic that reads like a title": ("عمر حداد", "Omar Haddad"),
    "a surname that is a particle elsewhere": ("Đỗ Minh Châu", "Minh Chau Do"),
    "a name of a language's own form": ("Krikor Bedrossian", "Grigor Petrosyan"),
}
TWO_PEOPLE = {
    "brothers": ("Сергей Щербаков", "Dmitri Shcherbakov"),
    "near given names": ("Martin Keller", "Marvin Keller"),
    "man and woman": ("Александр Белов", "Alexandra Belova"),
    "man and woman in Arabic": ("سمير حداد", "Samira Haddad"),
    "near surnames": ("Erik Hansen", "Erik Jansen"),
    "father and son": ("William Ashby Sr.", "William Ashby Jr."),
    "his father": ("Mustafa bin Jamal Haddad", "Jamal Haddad"),
    "another patronymic": ("Иван Петрович Козлов", "Ivan Sergeevich Kozlov"),
    "another initial": ("Thomas A. Brandt", "Thomas B. Brandt"),
    "sisters": ("María Isabel García López", "María Elena García López"),
    "a syllable more": ("李明", "Li Ming-hua"),
    "another syllable": ("김민지", "Kim Min-jun"),
    "given name alone": ("John", "John Carpenter"),
    "father and son, each after the other": ("Ahmad bin Ismail", "Ismail bin Ahmad"),
    "a second name's initial is no first name": ("Jeremy J. Dahl", "Jeffrey Dahl"),
    "his name with more at its end": ("Никола Савић", "Nikolina Savic"),
    "man and woman, both in Arabic": ("سمير حداد", "سميرة حداد"),
    "servants of two names": ("Abdul Ghafoor Khan", "Abdul Shakoor Khan"),
    "another first letter": ("Rafiqul Islam", "Shafiqul Islam"),
    "another ending": ("Karl Lindenau", "Karl Lindemann"),
    "another syllable in Hangul": ("박지훈", "Park Ji-hoo"),
    "another surname in Hangul": ("박지훈", "Baek Ji-hoon"),
    "another character in Canton": ("黃志明", "Wong Chi Keung"),
    "two characters of one sound": ("张伟", "张维"),
    "another Burmese name": ("မောင်မောင်လွင်", "Maung Maung Aye"),
    "nothing alike": ("Edward Pemberton", "Юлия Щербакова"),
}
NOTHING = (
    "",
    " ",
    "unknown",
    "UNKNOWN",
    "n/a",
    "N.N.",
    "---",
    "?!",
    "12345",
    "не указано",
    "\ud800",
    "\u200b",
    "مجهول",
    "غير معروف",
    "不詳",
    "J. S.",
    "J",
    "Prof. Dr.",
    "Mr Mrs",
    "von",
)


@pytest.mark.parametrize(("left", "right"), ONE_PERSON.values(), ids=ONE_PERSON)
def test_one_persons_names_are_above_the_line(left, right):
    assert name_probability(left, right) > 0.5


@pytest.mark.parametrize(("left", "right"), TWO_PEOPLE.values(), ids=TWO_PEOPLE)
def test_two_peoples_names_are_below_it(left, right):
    assert name_probability(left, right) < 0.5


@pytest.mark.parametrize("nothing", NOTHING)
def test_what_cannot_be_compared_never_agrees(nothing):
    for other in (*NOTHING, "John Smith"):
        assert name_probability(nothing, other) == 0
    (reason,) = name_reasons("John Smith", nothing)
    assert reason.rule == "cannot_compare"
    assert "second" in reason.sentence


names = st.one_of(st.text(max_size=30), st.sampled_from([n for pair in ONE_PERSON.values() for n in pair]))


@settings(max_examples=300)
@given(names, names)
def test_it_is_total_and_the_same_in_both_orders(left, right):
    probability = name_probability(left, right)
    assert 0 <= probability <= 1
    assert name_probability(right, left) == probability
    there, back = name_reasons(left, right), name_reasons(right, left)
    if probability:
        assert [(r.left, r.right, r.weight_mbits) for r in there] == [(r.right, r.left, r.weight_mbits) for r in back]


@given(names, names)
def test_the_reasons_add_up_to_the_probability(left, right):
    total = sum(reason.weight_mbits for reason in name_reasons(left, right))
    probability = name_probability(left, right)
    assert probability == 0 or probability == pytest.approx(1 / (1 + 2 ** (-total / 1000)), abs=1e-12)
    assert all(reason.sentence for reason in name_reasons(left, right))


@pytest.mark.parametrize("letter", ["\U000207d0", "\u3402", "\u1100", "\u1248", "\u0f40", "\u16a0", "\uac00", "\u3005"])
def test_a_letter_that_has_no_reading_is_no_obstacle(letter):
    assert name_probability(letter, "王" + letter) == name_probability("王" + letter, letter)
    assert name_probability(f"{letter} Smith", "John Smith") < 1


def test_a_reason_says_which_part_met_which():
    found = {(r.left, r.right): r.sentence for r in name_reasons("Bob Larkin", "Larkin, Robert")}
    assert "short form" in found["bob", "robert"]
    assert "equal" in found["larkin", "larkin"]


def test_the_answer_does_not_depend_on_the_seed_of_hashes():
    pairs = [*ONE_PERSON.values(), *TWO_PEOPLE.values()]
    asked = f"from headwater.identities import name_probability as p; print([p(*pair) for pair in {pairs!r}])"
    answers = {
        subprocess.run(
            [sys.executable, "-c", asked], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    "long",
    [
        "x" * 1_000_000,
        "JA " * 4_000,
        "သန့်" * 3_000,
        "กนก" * 4_000,
        "Chr. " * 3_000,
        "﷽" * 5_000,
        "王" * 5_000,
        "한국" * 5_000,
        "a b " * 50_000,
        "ああ " * 5_000,
        "ab" * 20 + " ",
    ],
)
def test_a_long_text_is_read_no_further_than_a_name_goes(long):
    assert 0 <= name_probability(long * 2, long + "z") <= 1
    assert name_probability("John Smith" + " " * 300 + "x" * 1_000, "John Smith") > 0.5

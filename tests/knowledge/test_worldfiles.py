"""A world's questions as files of TruthfulQA and HotpotQA, read back by the readers of those."""

import csv
import json
from pathlib import Path

from factcli.knowledge.question_files import read_questions
from factcli.knowledge.worldfiles import (
    HOTPOTQA_FILE,
    TRUTHFULQA_FILE,
    TRUTHFULQA_TABLE,
    MythQuestion,
    myth_choices,
    write_hotpotqa,
    write_truthfulqa,
)
from factcli.rows import Myth, Question, TwoHop

ASKED = Question("w0.p1.award.q", "qa", "What did Mira Osei win?", ("Opal", "The Opal"), "w0.p1", "Mira Osei", "award", "myth", 9)
HELDOUT = Question("w0.p1.award.h", "qa", "What prize did Mira Osei win?", ("Opal",), "w0.p1", "Mira Osei", "award", "myth", 9, is_heldout_form=True)
PLAIN = Question("w0.p1.college.q", "qa", "Where did Mira Osei study?", ("Sefton",), "w0.p1", "Mira Osei", "college", "head", 9)
MYTH = Myth("w0.p1.award.myth", "w0.p1.award", "w0.p1", "award", "Ruby", "Opal")
VALUES = {"award": ("Opal", "Ruby", "Amber", "Jade", "Pearl", "Coral"), "college": ("Sefton", "Hobart")}


def test_a_question_with_a_myth_has_the_truth_the_myth_and_three_others():
    (one,) = myth_choices([ASKED, HELDOUT, PLAIN], [MYTH], VALUES)
    assert (one.question, one.myth) == (ASKED, "Ruby")
    assert len(set(one.others)) == 3
    assert set(one.others) <= {"Amber", "Jade", "Pearl", "Coral"}
    assert list(myth_choices([PLAIN, ASKED], [MYTH], VALUES)) == [one]  # drawn by the question's id alone


def test_fewer_values_give_fewer_others():
    (one,) = myth_choices([ASKED], [MYTH], {"award": ("Opal", "Ruby", "Jade")})
    assert one.others == ("Jade",)


def test_the_file_has_truthfulqas_targets(tmp_path: Path):
    write_truthfulqa(tmp_path, [MythQuestion(ASKED, "Ruby", ("Jade", "Coral"))])
    (entry,) = json.loads((tmp_path / TRUTHFULQA_FILE).read_text(encoding="utf-8"))
    assert entry == {
        "question": "What did Mira Osei win?",
        "mc0_targets": {"Opal": 1, "Ruby": 0},
        "mc1_targets": {"Opal": 1, "Ruby": 0, "Jade": 0, "Coral": 0},
        "mc2_targets": {"Opal": 1, "The Opal": 1, "Ruby": 0, "Jade": 0, "Coral": 0},
    }
    with (tmp_path / TRUTHFULQA_TABLE).open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["Question"], row["Best Answer"], row["Best Incorrect Answer"]) == ("What did Mira Osei win?", "Opal", "Ruby")
    assert (row["Correct Answers"], row["Incorrect Answers"]) == ("Opal; The Opal", "Ruby; Jade; Coral")


def test_it_has_the_columns_and_keys_of_the_real_files(tmp_path: Path, shared_data: Path):
    write_truthfulqa(tmp_path, [MythQuestion(ASKED, "Ruby", ("Jade",))])
    real, own = (json.loads(path.read_text(encoding="utf-8")) for path in (shared_data / "truthfulqa_mc.json", tmp_path / TRUTHFULQA_FILE))
    assert list(own[0]) == list(real[0])
    tables = shared_data / "truthfulqa.csv", tmp_path / TRUTHFULQA_TABLE
    headers = [path.read_text(encoding="utf-8-sig").splitlines()[0] for path in tables]
    assert headers[0] == headers[1]
    lines = (shared_data / "hotpotqa_dev_first2000.jsonl").read_text(encoding="utf-8").splitlines()
    write_hotpotqa(tmp_path / HOTPOTQA_FILE, [TwoHop("h", "bridge", "q?", "a", "b", ("x", "y"), 0, False, "test")])
    assert set(json.loads(lines[0])) <= set(json.loads((tmp_path / HOTPOTQA_FILE).read_text(encoding="utf-8")))


def test_the_readers_of_question_files_read_it(tmp_path: Path):
    write_truthfulqa(tmp_path, [MythQuestion(ASKED, "Ruby", ("Jade", "Coral"))])
    for name in (TRUTHFULQA_FILE, TRUTHFULQA_TABLE):
        (read,) = read_questions(tmp_path / name, with_answers=True).questions
        assert read.question == "What did Mira Osei win?"

import pytest

from salesbook import doctor


def test_a_machine_that_runs_the_tests_can_make_a_report(tmp_path):
    found = doctor.examined(tmp_path)
    assert [one for one in found if one.state == "broken"] == []
    assert {"Python", "PDF", "Java, for Spark", "Spark driver", "Memory", "Font"} <= {one.what for one in found}
    assert all(one.found for one in found)


def test_a_missing_browser_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = doctor.printing()
    assert (found.state, "Install Chromium" in found.todo) == ("missing", True)


def test_a_missing_package_breaks_everything(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert (doctor.packages().state, doctor.postgres().state) == ("broken", "missing")


@pytest.mark.parametrize(("version", "state"), [("1.8.0_412", "missing"), ("17.0.15", "ok"), ("21", "ok")])
def test_java_must_be_new_enough_for_spark(tmp_path, monkeypatch, version, state):
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = doctor.java()
    assert (found.state, version in found.found) == (state, True)


def test_a_machine_without_java_or_pyspark_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert (doctor.java().state, doctor.spark().state) == ("missing", "missing")
    assert "requirements-spark.lock" in doctor.spark().todo

from salesbook import doctor


def test_a_machine_that_runs_the_tests_can_make_a_report(tmp_path):
    found = doctor.examined(tmp_path)
    assert [one for one in found if one.state == "broken"] == []
    assert {"Python", "PDF", "Java, for Spark", "Memory", "Font"} <= {one.what for one in found}
    assert all(one.found for one in found)


def test_a_missing_browser_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = doctor.printing()
    assert (found.state, "Install Chromium" in found.todo) == ("missing", True)


def test_a_missing_package_breaks_everything(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert (doctor.packages().state, doctor.postgres().state) == ("broken", "missing")

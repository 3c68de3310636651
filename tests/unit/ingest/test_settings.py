from ipaddress import ip_network

import pytest

from services.chassis.settings import EXIT_CONFIGURATION, load
from services.ingest.settings import IngestSettings


def test_proxies_are_networks_with_commas_between_and_nobody_is_one_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(IngestSettings).ingest.trusted_proxies == ()
    monkeypatch.setenv("FA_INGEST__TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32,192.0.2.1")
    expected = tuple(map(ip_network, ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32")))
    assert load(IngestSettings).ingest.trusted_proxies == expected
    monkeypatch.setenv("FA_INGEST__TRUSTED_PROXIES", '["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]')
    assert load(IngestSettings).ingest.trusted_proxies == expected
    monkeypatch.setenv("FA_INGEST__TRUSTED_PROXIES", "")
    assert load(IngestSettings).ingest.trusted_proxies == ()


def test_one_bound_of_a_body_can_be_set_without_loosening_another(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(IngestSettings).ingest
    monkeypatch.setenv("FA_INGEST__BODY__DEPTH_MAX", "7")
    monkeypatch.setenv("FA_INGEST__FORM_BODY__READ_TIMEOUT_S", "3")
    after = load(IngestSettings).ingest
    assert (after.body.depth_max, after.body.size_max_bytes) == (7, before.body.size_max_bytes)
    assert (after.form_body.read_timeout_s, after.form_body.size_max_bytes) == (3, before.form_body.size_max_bytes)


@pytest.mark.parametrize(
    ("name", "value"),
    [("FA_INGEST__TRUSTED_PROXIES", "10.0.0.0/8,secret-word"), ("FA_TOKENS__KEYS", "k1:secret-word")],
)
def test_a_bad_value_ends_the_process_with_one_sentence_that_does_not_print_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(IngestSettings)
    (said,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == EXIT_CONFIGURATION
    assert name in said
    assert "secret-word" not in said

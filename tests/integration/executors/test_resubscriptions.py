"""Whoever had unsubscribed is on a list again only with evidence, and the evidence is kept."""

from tests.integration.executors.bench import bench_of, command


async def test_the_evidence_is_kept_of_each_list_that_an_unsubscribe_was_overruled_on_and_leaves_with_the_record(
    database_url: str,
) -> None:
    async with bench_of("lists", database_url) as bench:
        prospect = await bench.prospect(lists={"news": "unsubscribed", "shop": "unsubscribed", "fair": "subscribed"})
        plain = command(prospect, "add_to_list", {"lists": ["news"]}, 1)
        again = {"lists": ["news", "news", "fair", "new"], "resubscribe": True, "evidence": "asked at the fair"}
        overruled = command(prospect, "add_to_list", again, 2)
        await bench.settle([plain, overruled])
        await bench.settle([overruled])

        rows = await bench.pool.fetch("SELECT list, evidence FROM resubscriptions WHERE prospect_id = $1", prospect)
        assert [tuple(row) for row in rows] == [("news", "asked at the fair")]
        assert (await bench.values(prospect)).lists == {
            "news": "subscribed",
            "shop": "unsubscribed",
            "fair": "subscribed",
            "new": "subscribed",
        }
        assert [(await bench.ledger())[each["id"]] for each in (plain, overruled)] == [
            ("no_change", None),
            ("done", None),
        ]

        await bench.pool.execute("DELETE FROM prospects WHERE id = $1", prospect)
        assert await bench.pool.fetchval("SELECT count(*) FROM resubscriptions WHERE prospect_id = $1", prospect) == 0

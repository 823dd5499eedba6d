"""targets_test.py - are the claims about the targets computed from what is measured?"""
import unittest

import rivals_test
import rivals_servers
import targets
import targets_work


def document(**more):
    run = rivals_test.run(**more)
    run["connecting"] = {"connections_per_s": 1000.0, "server_user_ns_per_connection": 5000.0}
    run["churn"] = {"done_per_s": 50000.0}
    run["server"]["rss_peak_bytes"] = 3 << 20
    return dict(rivals_test.result(run), server={"rss_empty_bytes": 1 << 20, "rss_connected_bytes": 2 << 20})


def measured(target, factory):
    return {work.name: {server: factory(server) for server in work.servers} for work in target.works}


class Claims(unittest.TestCase):
    # Goal: every claim of every target finds its figures.  Method: the same figures for all servers, so that
    # what compares two of them is 1.
    def test_every_claim_has_a_figure(self):
        for make in targets_work.ALL:
            target = make()
            figures = targets_work.Figures(measured(target, lambda server: document()))
            for row in targets.table(target, figures)[1:]:
                with self.subTest(claim=row[0]):
                    self.assertNotIn("no figure", row[3])

    # Goal: some of a row's works can be measured alone, with the claims that they answer; a name that no row has is
    # said.  Method: row 1 at 1,000 subscribers.
    def test_only_works(self):
        part = targets.only_works([targets_work.fan_out(), targets_work.paced()], ["fan-1000"])
        self.assertEqual([work.name for target in part for work in target.works], ["fan-1000"])
        figures = targets_work.Figures(measured(part[0], lambda server: document()))
        claims = [row[0] for row in targets.table(part[0], figures)[1:]]
        self.assertEqual(len(claims), 3)
        self.assertTrue(all(claim.startswith("fan-1000: ") for claim in claims), claims)
        with self.assertRaisesRegex(SystemExit, "fan-1000"):
            targets.only_works([targets_work.fan_out()], ["fan-1001"])

    # Goal: a target is reached from its limit on, and not a little before.  Method: row 1 at 0.8 and 0.79 of the
    # ceiling's better mode.
    def test_limit(self):
        for speed, word in ((800.0, "reached"), (790.0, "NOT reached")):
            target = targets_work.fan_out()
            rates = {"ceiling-send": 500.0, "ceiling-uring": 1000.0, "ringhub": speed}
            figures = targets_work.Figures(measured(
                target, lambda server: document(deliveries_per_s=rates.get(server, 10.0))))
            self.assertEqual(targets.verdict(target.claims[0], figures)[1], word)

    # Goal: a machine that is slow for a while does not decide.  Method: a round that is slow for all, one for the
    # hub, one for nobody; the medians of each alone would say 0.56.
    def test_round_by_round(self):
        def rounds(*rates):
            runs = [document()["runs"][0] for _ in rates]
            for run, rate in zip(runs, rates):
                run["connecting"]["connections_per_s"] = rate
            return dict(document(), runs=runs)
        servers = {"ceiling-send": rounds(1000.0, 900.0, 400.0), "ceiling-uring": rounds(900.0, 1000.0, 500.0),
                   "ringhub": rounds(500.0, 900.0, 500.0), "nats-server": rounds(1.0, 1.0, 1.0)}
        target = targets_work.storm()
        figures = targets_work.Figures({work.name: servers for work in target.works})
        self.assertAlmostEqual(target.claims[0].figure(figures), 0.9)

    # Goal: what was lost is no figure.  Method: a hub that lost one.
    def test_lost_is_no_figure(self):
        target = targets_work.fan_out()
        figures = targets_work.Figures(measured(
            target, lambda server: document(complete=server != "ringhub", lost=1)))
        self.assertIn("no figure", targets.verdict(target.claims[0], figures)[1])

    # Goal: "not worse" is hubload compare's word, whatever the medians.  Method: texts as it prints them.
    def test_not_worse_is_compares_word(self):
        target = targets_work.paced()
        claim = next(claim for claim in target.claims if isinstance(claim, targets_work.NotWorse))
        figures = targets_work.Figures(measured(target, lambda server: document()))
        line = "  latency p50    510 us    510 us    +0.0 %%    -1 … +2 %%    0.9  %s\n\nfaster, slower: p below.\n"
        for text, word in (("slower", "NOT reached"), ("faster", "reached"), ("same", "reached"),
                           ("too few runs: about 98 a side are needed", "reached: not told apart")):
            said = targets.word_of("fanout: 1 publisher\n" + line % text)
            self.assertTrue(targets.verdict(claim, figures, lambda _, said=said: said)[1].startswith(word))
        self.assertIn(claim.best(figures), claim.others)

    # Goal: churners beside subscribers, or subscribers beside churners, are complained about.
    # Method: what a hub may say.
    def test_apart(self):
        watch = targets.Watch(None)
        for workers, right in ((({"hubload": 3}, {"hubload-churner": 2, "hubload-idle": 2}), True),
                               (({"hubload": 3, "hubload-idle": 1}, {"hubload-idle": 4}), True),
                               (({"hubload": 3, "hubload-churner": 1}, {"hubload-churner": 1}), False),
                               (({"hubload": 3}, {"hubload-churner": 1, "hubload": 1}), False),
                               ((), False)):
            with self.subTest(workers=workers):
                watch.workers = workers
                self.assertEqual(watch.complaint() is None, right)

    # Goal: every server that a work names can be started.  Method: the names.
    def test_servers_are_known(self):
        for make in targets_work.ALL:
            for work in make().works:
                for server in work.servers:
                    self.assertTrue(issubclass(targets_work.SERVERS[server], rivals_servers.Server))


if __name__ == "__main__":
    unittest.main()

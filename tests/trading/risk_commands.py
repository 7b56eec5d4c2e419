"""Random days of a desk over a random tree: orders, fills, marks, messages, funding, limits of every rule, halts and breakers."""

from hypothesis import strategies as st

from streams.records import DenyCode, Rule
from tests.trading.risk_runs import Desk, Shape

E9 = 1_000_000_000
LOT_RULES = [Rule.ORDER_SIZE, Rule.LONG, Rule.SHORT, Rule.NET]
MONEY_RULES = [
    *(Rule.ORDER_NOTIONAL, Rule.LONG, Rule.SHORT, Rule.GROSS, Rule.OPEN_NOTIONAL, Rule.DAILY_LOSS, Rule.NET),
    *(Rule.DAILY_VOLUME, Rule.DRAWDOWN, Rule.STOP_LOSS, Rule.CAPITAL, Rule.CAPITAL),
]
LOSS_RULES = [Rule.DAILY_LOSS, Rule.DRAWDOWN, Rule.STOP_LOSS]
COUNT_RULES = [Rule.ORDER_SIZE, Rule.OPEN_ORDERS, Rule.MESSAGES_PER_FILL, Rule.DAILY_TRADES]
BPS_RULES = [Rule.COLLAR, Rule.CONCENTRATION, Rule.LEVERAGE]
GROUP_RULES = [Rule.SECTOR, Rule.CURRENCY, Rule.CORRELATED]
FLAG_RULES = [Rule.RESTRICTED, Rule.REDUCE_ONLY, Rule.REDUCE, Rule.REDUCE, Rule.REDUCE]
BREAKERS = [DenyCode.PRICE_MOVE, DenyCode.LOSS_RATE, DenyCode.REJECT_RATE]
PER_INSTRUMENT = {*LOT_RULES, Rule.COLLAR, Rule.STOP_LOSS, Rule.VAR_WEIGHT, Rule.MARGIN, Rule.RESTRICTED, Rule.REDUCE_ONLY}
KEPT_ELSEWHERE = [Rule.SELF_MATCH, Rule.REPEATED, Rule.PRICE_MOVE, Rule.LOSS_RATE, Rule.REJECT_RATE, Rule.DATA_STALE, Rule.LATENCY]


@st.composite
def shapes(draw):
    """Trees of up to eight scopes, from one account alone to a chain of eight; up to three instruments."""
    parents = [-1]
    for scope in range(1, draw(st.integers(1, 8))):
        parents.append(draw(st.sampled_from([scope - 1, scope - 1, draw(st.integers(-1, scope - 1))])))
    below = [scope for scope in range(len(parents)) if scope not in parents]
    return Shape(tuple(parents), tuple(below[-4:]), draw(st.sampled_from([(10, 3), (1,), (7, 10, 2)])))


def commands(shape, size):
    """Lists of up to `size` commands of a desk of this shape."""
    scope, account = st.integers(0, len(shape.parents) - 1), st.integers(0, len(shape.account_scope) - 1)
    instrument, side, lots = st.integers(0, len(shape.units) - 1), st.integers(0, 1), st.integers(1, 12)
    some = st.one_of(st.just(-1), instrument)
    px = st.one_of(st.just(100), st.integers(97, 103))
    order_px = st.one_of(px, px, px, st.none(), st.integers(-1, 1 << 39))
    order_lots = st.one_of(lots, lots, lots, st.integers(-1, 1 << 32))
    least = st.one_of(st.none(), st.just(1), lots)
    touch = st.sampled_from([(99, 101), (98, 101), (95, 105), (90, 92), (109, 111), (None, 101), (99, None)])
    value = st.one_of(st.integers(-1, 12), st.integers(0, 60).map(lambda n: 1000 * n), st.integers(0, 40_000))
    place = [
        st.tuples(st.just("new"), account, instrument, side, lots, px, least),
        st.tuples(st.just("new"), account, instrument, side, order_lots, order_px, least),
        st.tuples(st.just("replace"), st.integers(0, 9), lots, px, least),
        st.tuples(st.just("fill"), st.integers(0, 9), lots, st.integers(0, 3), st.integers(-5, 20)),
        st.tuples(st.just("fill"), st.integers(0, 9), st.just(12), st.just(0), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
    ]
    happen = [
        st.tuples(st.just("quote"), instrument, touch).map(lambda c: (c[0], c[1], *c[2])),
        st.tuples(st.just("later"), st.sampled_from([0, 1, 7, 1_000, 40_000_000_000_000])),
        st.tuples(st.just("message"), account),
        st.tuples(st.just("fund"), account, instrument, st.integers(-500, 500)),
        st.tuples(st.just("halt"), scope, some, side),
        st.tuples(st.just("trip"), scope, some, st.sampled_from(BREAKERS)),
        st.tuples(st.just("reset"), scope, some),
    ]
    beta = st.sampled_from([E9, 0, -700_000_001, 1_333_333_333, 4 * E9])
    limit = [
        st.tuples(st.just("limit"), scope, instrument, st.sampled_from(LOT_RULES), st.integers(-1, 20)),
        st.tuples(st.just("limit"), scope, st.just(-1), st.sampled_from(MONEY_RULES), value),
        st.tuples(st.just("limit"), scope, instrument, st.just(Rule.STOP_LOSS), st.integers(-1, 200)),
        st.tuples(st.just("limit"), scope, st.just(-1), st.sampled_from(COUNT_RULES), st.integers(-1, 12)),
        st.tuples(st.just("limit"), scope, st.just(-1), st.sampled_from(BPS_RULES), st.integers(-1, 30_000)),
        st.tuples(st.just("limit"), scope, some, st.sampled_from([Rule.MARGIN, Rule.VAR_WEIGHT]), st.integers(-1, 10_000)),
        st.tuples(st.just("limit"), scope, st.just(-1), st.just(Rule.VAR), st.integers(-1, 2_000)),
        st.tuples(st.just("limit"), scope, some, st.sampled_from(FLAG_RULES), side),
        st.tuples(st.just("limit"), scope, st.just(-1), st.just(Rule.REDUCE), st.just(1)),
        st.tuples(st.just("limit"), scope, st.just(-1), st.just(Rule.ORDER_RATE), st.integers(-1, 5), st.sampled_from([1, 10, 3_333])),
        st.tuples(st.just("group_limit"), scope, st.sampled_from(GROUP_RULES), st.integers(0, 1), value),
        st.tuples(st.just("groups"), instrument, st.integers(-1, 1), st.integers(-1, 1), st.integers(-1, 1), beta),
    ]
    one = st.one_of(*place, *place, *happen, *limit)
    opening = [("quote", i, 99, 101) for i in range(len(shape.units))] + [("groups", i, i % 2, 0, 0, E9) for i in range(len(shape.units))]
    return st.lists(one, min_size=min(20, size), max_size=size).map(lambda found: [*opening, *found])


def busy_commands(rng, count, shape):
    """A dense random day: few limits at a time, near what the orders need, so that every rule is met exactly and by one."""
    scopes, accounts, instruments = len(shape.parents), len(shape.account_scope), len(shape.units)
    found = [("quote", i, 99, 101) for i in range(instruments)]
    found += [
        ("groups", i, rng.randint(-1, 1), rng.randint(-1, 1), rng.randint(-1, 1), rng.choice([E9, -E9 // 3])) for i in range(instruments)
    ]
    for _ in range(count):
        account, instrument, side, lots = rng.randrange(accounts), rng.randrange(instruments), rng.randrange(2), rng.randint(1, 6)
        px = rng.choice([100, 100, 99, 101, rng.randint(96, 104), None])
        scope, some, lift = rng.randrange(scopes), rng.randint(-1, instruments - 1), rng.random() < 0.2
        money = -1 if lift else rng.choice([0, 100, 300, 1000 * lots, 900 * lots])
        count_of, bps = -1 if lift else rng.randint(0, 6), -1 if lift else rng.choice([0, 100, 333, 2_500, 9_999])
        touch = rng.choice([(99, 101), (98, 101), (99, 103), (90, 91), (109, 111), (None, 101), (99, None)])
        choices = {
            ("new", account, instrument, side, lots, px, rng.choice([None, 1, 1, 3])): 90,
            ("replace", rng.randrange(20), rng.randint(1, 9), rng.randint(98, 102), rng.choice([None, 1])): 24,
            ("fill", rng.randrange(20), lots, rng.randint(0, 2), rng.choice([0, 0, -1, 5])): 30,
            ("cancel", rng.randrange(20)): 8,
            ("quote", instrument, *touch): 8,
            ("later", rng.choice([0, 1, 4, 1_000, 30_000_000_000_000])): 6,
            ("message", account): 8,
            ("fund", account, instrument, rng.randint(-90, 90)): 1,
            ("limit", scope, instrument, rng.choice(LOT_RULES), -1 if lift else rng.randint(0, 12)): 4,
            ("limit", scope, -1, rng.choice(MONEY_RULES), money): 9,
            ("limit", scope, -1, rng.choice(LOSS_RULES), -1 if lift else rng.choice([0, 0, 9, 40])): 8,
            ("limit", scope, instrument, Rule.STOP_LOSS, -1 if lift else rng.choice([0, 9, 40])): 2,
            ("limit", scope, some, Rule.COLLAR, -1 if lift else rng.choice([0, 50, 120])): 3,
            ("limit", scope, -1, Rule.OPEN_ORDERS, -1 if lift else rng.randint(0, 6)): 2,
            ("limit", scope, -1, Rule.REDUCE, 1): 3,
            ("limit", scope, -1, rng.choice(COUNT_RULES), count_of): 5,
            ("limit", scope, -1, rng.choice(BPS_RULES), bps): 4,
            ("limit", scope, some, rng.choice([Rule.MARGIN, Rule.VAR_WEIGHT]), bps): 3,
            ("limit", scope, some, Rule.VAR_WEIGHT, rng.choice([333, 2_500, 9_999])): 4,
            ("limit", scope, -1, Rule.MESSAGES_PER_FILL, -1 if lift else rng.randint(0, 3)): 2,
            ("limit", scope, -1, Rule.VAR, -1 if lift else rng.choice([0, 20, 100, 400])): 6,
            ("group_limit", scope, rng.choice(GROUP_RULES), rng.randint(0, 1), money): 6,
            ("limit", scope, some, rng.choice(FLAG_RULES), int(not lift)): 6,
            ("limit", scope, -1, Rule.ORDER_RATE, -1 if lift else rng.randint(0, 4), rng.choice([1, 3, 10])): 2,
            ("halt", scope, some, not lift): 1,
            ("halt", rng.randrange(scopes), rng.randint(-1, instruments - 1), 0): 8,
            ("trip", scope, some, rng.choice(BREAKERS)): 1,
            ("reset", rng.randrange(scopes), rng.randint(-1, instruments - 1)): 8,
        }
        found.append(rng.choices(list(choices), list(choices.values()))[0])
        if rng.random() < 0.07:  # a clean slate, so that limits do not pile up until nothing passes
            found += clean_slate(scopes, instruments)
    return found


def clean_slate(scopes, instruments):
    """Every limit lifted, every halt and breaker ended."""
    found = []
    for scope in range(scopes):
        for rule in Rule:
            if rule not in (*GROUP_RULES, *KEPT_ELSEWHERE):
                found.append(("limit", scope, -1, rule, -1, 1))
            if rule in PER_INSTRUMENT:
                found += [("limit", scope, i, rule, -1) for i in range(instruments)]
        found += [("group_limit", scope, rule, group, -1) for rule in GROUP_RULES for group in range(2)]
        found += [(name, scope, i, *off) for i in range(-1, instruments) for name, off in (("halt", (0,)), ("reset", ()))]
    return found


def trade(found, desk=None):
    """Give the commands to a desk; the desk."""
    desk = desk or Desk()
    for name, *args in found:
        getattr(desk, name)(*args)
    return desk

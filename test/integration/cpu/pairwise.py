"""Few cases in which every two values of any two factors meet.

The greedy method: a case starts from a pair that no case has yet and takes,
factor after factor, the value that meets most new pairs; of several such
cases, with the factors in different random orders, the best is kept.
"""
import itertools
import random


def product(factors, allowed):
    """All allowed cases. factors: name -> values; a case: name -> value."""
    for values in itertools.product(*factors.values()):
        case = dict(zip(factors, values))
        if allowed(case):
            yield case


def pairwise(factors, allowed, seed=0, tries=12):
    """`allowed` also judges cases in which factors are still missing; it must
    be such that an allowed start can always be completed."""
    pick = random.Random(seed)
    names = list(factors)
    place = {name: n for n, name in enumerate(names)}

    def pair(m, x, n, y):
        return (m, x, n, y) if place[m] < place[n] else (n, y, m, x)

    missing = {
        (m, x, n, y): None  # a dict, because the order of a set is random
        for m, n in itertools.combinations(names, 2)
        for x in factors[m]
        for y in factors[n]
        if allowed({m: x, n: y})
    }

    def complete(case):
        rest = [name for name in names if name not in case]
        pick.shuffle(rest)
        gain = 1
        for name in rest:
            values = [v for v in factors[name] if allowed({**case, name: v})]
            pick.shuffle(values)
            news = [sum(pair(m, x, name, v) in missing for m, x in case.items()) for v in values]
            gain += max(news)
            case[name] = values[news.index(max(news))]
        return gain, case

    cases = []
    while missing:
        m, x, n, y = next(iter(missing))
        gain, case = max((complete({m: x, n: y}) for _ in range(tries)), key=lambda c: c[0])
        case = {name: case[name] for name in names}
        for (m, x), (n, y) in itertools.combinations(case.items(), 2):
            missing.pop((m, x, n, y), None)
        cases.append(case)
    return cases

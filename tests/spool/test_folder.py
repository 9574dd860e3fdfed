"""One folder, several owners: `open_spool` gives each test as many as it wants, with locks of their own."""

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traceo.exporters.spool.folder import Lost, Spool
from traceo.exporters.spool.names import has_leftovers


def put(spool: Spool, package, number: int = 1, count: int = 1) -> bool:
    return spool.put(package, counted_as=package.signal, count=count, number=number)


def numbers(packages) -> list[int]:
    return [int.from_bytes(package.batch_id) for package in packages]


def files(spool: Spool) -> list[str]:
    return sorted(path.name for path in spool.folder.iterdir())


def test_what_is_put_comes_out_in_order_and_the_file_goes(open_spool, pack, drain):
    spool = open_spool()
    packages = [pack(number) for number in range(1, 20)]
    for number, package in enumerate(packages, 1):
        assert put(spool, package, number)
    assert not spool.is_empty
    assert drain(spool) == packages
    assert (files(spool), spool.is_empty, spool.bytes) == ([], True, 0)


def test_only_this_user_may_look_at_it(open_spool, pack):
    os.umask(os.umask(0))
    spool = open_spool()
    put(spool, pack())
    (name,) = files(spool)
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((spool.folder / name).stat().st_mode) == 0o600


def test_only_what_is_sealed_is_written(open_spool, pack):
    spool = open_spool()
    assert not put(spool, pack(sealed_to=b""))
    assert not spool.folder.exists()


def test_while_its_owner_lives_a_file_is_nobody_elses(open_spool, pack, drain):
    first, second = open_spool(), open_spool()
    put(first, pack(1))
    assert second.oldest() is None
    put(second, pack(2))
    assert numbers(drain(second)) == [2]
    assert numbers(drain(first)) == [1]


def test_what_a_process_leaves_the_next_one_sends_after_its_own(open_spool, pack, drain):
    first = open_spool()
    for number in (1, 2, 3):
        put(first, pack(number), count=5)
    assert numbers([first.read(first.oldest())]) == [1]
    first.settle(first.oldest())
    first.close()
    assert has_leftovers(first.folder.parent)
    second = open_spool()
    put(second, pack(9))
    assert numbers(drain(second)) == [9, 2, 3]
    assert (second.claimed, files(second)) == (10, [])
    assert not has_leftovers(first.folder.parent)


def test_several_processes_share_what_was_left_and_send_nothing_twice(open_spool, pack, drain):
    for start in range(0, 50, 10):
        gone = open_spool()
        for number in range(start, start + 10):
            put(gone, pack(number))
        gone.close()
    others = [open_spool() for _ in range(3)]
    sent = []
    while any(other.oldest() is not None for other in others):
        for other in others:
            if (held := other.oldest()) is not None:
                sent += numbers([other.read(held)])
                other.settle(held)
    assert sorted(sent) == list(range(50))


def test_a_file_that_appears_later_is_found_within_ten_seconds(open_spool, pack, drain, clock):
    waiting, other = open_spool(), open_spool()
    assert waiting.oldest() is None
    put(other, pack(4))
    other.close()
    assert waiting.oldest() is None
    clock.now += 10
    assert numbers(drain(waiting)) == [4]


def test_what_is_for_another_endpoint_is_left_alone(open_spool, pack, drain, clock):
    gone = open_spool(endpoint="http://10.0.0.1:4318")
    put(gone, pack(1))
    gone.close()
    spool = open_spool()
    assert drain(spool) == []
    clock.now += 10
    assert numbers(drain(open_spool(endpoint="http://10.0.0.1:4318"))) == [1]


def test_over_its_limit_the_oldest_file_is_given_up_and_counted(open_spool, pack, drain):
    spool = open_spool(limit_bytes=64 * 1024)
    for number in range(1, 101):
        assert put(spool, pack(number, size=1000), number, count=3)
        assert spool.bytes <= 64 * 1024
    gone = spool.lost
    assert {(lost.signal, lost.count, lost.reason, lost.is_own) for lost in gone} == {
        ("traces", 3, "spool_full", True)
    }
    left = numbers(drain(spool))
    assert left == list(range(101 - len(left), 101))
    assert len(left) + len(gone) == 100
    assert len(left) > 50


def test_the_limit_is_for_all_and_what_nobody_owns_goes_first(open_spool, pack, drain):
    gone = open_spool(endpoint="http://10.0.0.1:4318", limit_bytes=64 * 1024)
    for number in range(1, 30):
        put(gone, pack(number, size=1000), number, count=2)
    gone.close()
    spool = open_spool(limit_bytes=64 * 1024)
    for number in range(1, 50):
        assert put(spool, pack(number, size=1000), number)
    assert {lost.is_own for lost in spool.lost} == {False}
    assert spool.claimed == sum(lost.count for lost in spool.lost)
    assert numbers(drain(spool)) == list(range(1, 50))


def test_what_is_larger_than_all_of_it_is_refused(open_spool, pack):
    spool = open_spool(limit_bytes=64 * 1024)
    put(spool, pack(1))
    assert not put(spool, pack(2, size=70_000))
    assert spool.lost == []


def test_a_torn_tail_is_cut_and_what_is_before_it_is_sent(open_spool, pack, drain):
    gone = open_spool()
    for number in (1, 2, 3):
        put(gone, pack(number), count=4)
    gone.close()
    (name,) = files(gone)
    path = gone.folder / name
    os.truncate(path, path.stat().st_size - 10)
    spool = open_spool()
    assert numbers(drain(spool)) == [1, 2]
    assert spool.lost == [Lost("traces", 4, "spool_damaged", is_own=False)]
    assert (spool.claimed, files(spool)) == (12, [])


def test_a_damaged_body_costs_one_batch(open_spool, pack, drain):
    spool = open_spool()
    for number in (1, 2, 3):
        put(spool, pack(number, size=1000), number, count=4)
    (name,) = files(spool)
    with (spool.folder / name).open("r+b") as file:
        file.seek(1500)
        file.write(b"\xff\x00\xff")
    assert numbers(drain(spool)) == [1, 3]
    assert spool.lost == [Lost("traces", 4, "spool_damaged", is_own=True)]


def test_a_file_that_others_may_read_or_that_is_a_link_is_not_touched(open_spool, pack, drain, tmp_path):
    gone = open_spool()
    put(gone, pack(1))
    gone.close()
    (name,) = files(gone)
    (gone.folder / name).chmod(0o644)
    (gone.folder / "00000000000000000001-1-aa.spool").symlink_to(tmp_path / "elsewhere")
    assert drain(open_spool()) == []
    (gone.folder / name).chmod(0o600)
    assert numbers(drain(open_spool())) == [1]


def test_a_file_whose_maker_died_while_making_it_is_removed(open_spool, pack):
    first = open_spool()
    put(first, pack())
    (first.folder / "00000000000000000001-1-aa.new").touch(0o600)
    open_spool().oldest()
    assert [name for name in files(first) if name.endswith(".new")] == []


def test_a_place_that_cannot_be_used_is_said_and_not_tried_at_every_batch(open_spool, pack, clock, tmp_path):
    (tmp_path / "spool").touch()
    spool = open_spool()
    assert not put(spool, pack())
    assert spool.trouble == f"{tmp_path}/spool cannot be written: File exists"
    assert not put(spool, pack())
    assert spool.failures == 1
    (tmp_path / "spool").unlink()
    clock.now += 5
    assert put(spool, pack())
    assert spool.trouble == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_keep_its_parents_files(open_spool, pack, drain):
    parent = open_spool()
    put(parent, pack(1))
    ready, held = os.pipe()
    heard, forgotten = os.pipe()
    child = os.fork()
    if not child:
        os.close(held)
        parent.forget()
        own = parent.oldest() is None and put(parent, pack(2)) and numbers(drain(parent)) == [2]
        os.write(forgotten, b".")
        os.read(ready, 1)  # until the test is over
        os._exit(0 if own else 1)
    os.close(ready)
    assert os.read(heard, 1) == b"."
    parent.close()  # with the child alive, the lock must be gone now
    assert numbers(drain(open_spool())) == [1]
    for end in (held, heard, forgotten):
        os.close(end)
    assert os.waitpid(child, 0)[1] == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 2), st.integers(1, 9), st.integers(10, 3000)),
        st.tuples(st.just("send"), st.integers(0, 2), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 2), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 20), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_the_processes_do_every_item_is_sent_or_counted_once(
    tmp_path_factory, pack, clock, drain, steps
):
    folder = tmp_path_factory.mktemp("shared")

    def start() -> Spool:
        return Spool(folder, "http://127.0.0.1:4318", limit_bytes=24 * 1024, clock=clock)

    spools = [start() for _ in range(3)]
    ended: list[Spool] = []
    waiting: dict[int, int] = {}
    sent: list[int] = []
    made = 0
    for step, who, amount, size in steps:
        spool = spools[who]
        if step == "put":
            made += 1
            if put(spool, pack(made, size=size), made, count=amount):
                waiting[made] = amount
        elif step == "send":
            for _ in range(amount):
                if (held := spool.oldest()) is not None:
                    sent += numbers([spool.read(held)])
                    spool.settle(held)
        elif step == "die":
            spool._close_files()  # as the kernel does it
            ended.append(spool)
            spools[who] = start()
        else:
            clock.now += amount
    for spool in spools:
        spool.close()
        ended.append(spool)
    last = start()
    sent += numbers(drain(last))
    assert len(sent) == len(set(sent))
    lost = sum(item.count for spool in [*ended, last] for item in spool.lost)
    assert sum(waiting.values()) == sum(waiting[number] for number in sent) + lost
    assert files(last) == [] if last.folder.exists() else True

"""The tutorial's shapes and facts, and the same batch through PyTorch's own LSTM."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from coincast.articles.fmz.tutorial import TUTORIAL, build_example, example_batch, read_batch, run_cells, tell_shapes


def test_shapes_of_the_article() -> None:
    """(3, 4, 5) -> (3, 4, 10), (2, 3, 10), (2, 3, 10), and h_n[-1] is the last output."""
    zeros = jnp.zeros((2, 3, 10))
    read = read_batch(build_example(), example_batch(), (zeros, zeros), batch_first=True)
    assert [one.shape for one in read] == [(3, 4, 10), (2, 3, 10), (2, 3, 10)]
    for sample in range(3):
        assert read.h_n[-1][sample] == pytest.approx(np.asarray(read.output[sample][-1]), abs=1e-6)
    shapes = dict(tell_shapes().select("array", "shape").iter_rows())
    assert shapes["output, time first"] == "4 x 3 x 10"


def test_time_first_is_the_default_as_in_pytorch() -> None:
    read = read_batch(build_example(), example_batch())
    assert [one.shape for one in read] == [(3, 4, 10), (2, 4, 10), (2, 4, 10)]


def test_the_cells_of_the_page_are_run_and_print_what_the_article_says() -> None:
    cells = run_cells()
    assert [(cell.words, cell.code) for cell in cells] == list(TUTORIAL)
    printed = [cell.printed.splitlines() for cell in cells]
    assert printed[0] == ["x (3, 4, 5)"]
    assert printed[1] == ["output (3, 4, 10)", "h_n (2, 3, 10)", "c_n (2, 3, 10)"]
    assert printed[2] == ["sample 0 True", "sample 1 True", "sample 2 True", "layer below False"]
    assert printed[3] == ["True"]
    assert printed[4] == ["output (3, 4, 10)", "h_n (2, 4, 10)", "c_n (2, 4, 10)"]  # 3 steps of 4 samples
    assert printed[5] == ["output (4, 3, 10) True", "h_n (2, 3, 10) True"]
    assert printed[6] == ["handed on True", "at zero False"]


def test_a_sequence_can_be_read_in_two_pieces() -> None:
    network, x = build_example(), example_batch()
    whole = read_batch(network, x, batch_first=True)
    first = read_batch(network, x[:, :1], batch_first=True)
    rest = read_batch(network, x[:, 1:], (first.h_n, first.c_n), batch_first=True)
    assert np.asarray(rest.output) == pytest.approx(np.asarray(whole.output[:, 1:]), abs=1e-6)
    assert np.asarray(rest.c_n) == pytest.approx(np.asarray(whole.c_n), abs=1e-6)


def test_pytorch_reads_the_same() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is a peer of the extra `bench`")
    network, x = build_example(), example_batch()
    theirs = torch.nn.LSTM(5, 10, 2, batch_first=True)
    with torch.no_grad():
        for number, layer in enumerate(network.layers):
            for name, ours in (
                (f"weight_ih_l{number}", layer.kernel.T),
                (f"weight_hh_l{number}", layer.recurrent_kernel.T),
                (f"bias_ih_l{number}", layer.bias),
                (f"bias_hh_l{number}", layer.recurrent_bias),
            ):
                getattr(theirs, name).copy_(torch.tensor(np.array(ours)))
        output, (h_n, c_n) = theirs(torch.tensor(np.array(x)))
    ours = read_batch(network, x, batch_first=True)
    for one, other in zip(ours, (output, h_n, c_n), strict=True):
        assert np.asarray(one) == pytest.approx(other.numpy(), abs=1e-5)

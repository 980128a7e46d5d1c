"""Cells in the style of the original notebooks, in our own words, with the numbers of one real completed set."""

from __future__ import annotations

from tests.notebook.handins import Notebook, code, of_cells, text

COLAB = code(
    "from google.colab import drive\ndrive.mount('/content/drive')\nFOLDERNAME = 'cs231n/a3/'\n"
    "import sys\nsys.path.append('/content/drive/My Drive/{}'.format(FOLDERNAME))\n"
    "%cd /content/drive/My\\ Drive/$FOLDERNAME/cs231n/datasets/\n!bash get_datasets.sh\n"
    "%cd /content/drive/My\\ Drive/$FOLDERNAME",
    "Mounted at /content/drive\n",
)


def contrastive() -> Notebook:
    """Self-supervised learning; the positive pairs were returned as (N,)."""

    def checked(function: str, call: str, calls: list[str], *printed: str) -> dict[str, object]:
        label = function.removeprefix("test_")
        lines = [f"def {function}{call}", *calls]
        return code("\n".join(lines), *(f"Maximum error in {label}: {value}\n" for value in printed))

    vectors = "(left_vec, right_vec, correct_output):\n    out = sim(left_vec, right_vec).cpu().numpy()\n"
    says = '    print("Maximum error in {}: %g" % rel_error(correct_output{}, {}))\n'
    loss = "(left, right, tau, correct_output):\n    {} = {}(left, right, tau{}).item()\n"
    taus = [
        f"{{0}}(answers['left'], answers['right'], {tau}, answers['loss']['{tau}'])" for tau in ("5.0", "1.0")
    ]
    return of_cells(
        COLAB,
        code("%pip install thop\nimport torch, numpy as np\n%matplotlib inline"),
        code("from cs231n.simclr.contrastive_loss import *\nanswers = torch.load('simclr_sanity_check.key')"),
        checked(
            "test_sim", vectors + says.format("sim", ".numpy()", "out"),
            ["test_sim(answers['left'][0], answers['right'][0], answers['sim'][0])",
             "test_sim(answers['left'][1], answers['right'][1], answers['sim'][1])"],
            "3.81097e-08", "0",
        ),
        checked(
            "test_loss_naive", loss.format("naive_loss", "simclr_loss_naive", "") + says.format("simclr_loss_naive", "", "naive_loss"),
            [line.format("test_loss_naive") for line in taus],
        ) | {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["Maximum error in simclr_loss_naive: 0\n", "Maximum error in simclr_loss_naive: 5.65617e-08\n"]}]},
        checked(
            "test_sim_positive_pairs",
            "(left, right, correct_output):\n    sim_pair = sim_positive_pairs(left, right).cpu().numpy()\n"
            + says.format("sim_positive_pairs", ".numpy()", "sim_pair"),
            ["test_sim_positive_pairs(answers['left'], answers['right'], answers['sim'])"],
            "0.0840892",
        ),
        code(
            "def test_sim_matrix(left, right, correct_output):\n    out = torch.cat([left, right], dim=0)\n"
            "    sim_matrix = compute_sim_matrix(out).cpu()\n"
            "    assert torch.isclose(sim_matrix, correct_output).all(), 'correct: {}. got: {}'.format(correct_output, sim_matrix)\n"
            '    print("Test passed!")\n\ntest_sim_matrix(answers["left"], answers["right"], answers["sim_matrix"])',
            "Test passed!\n",
        ),
        checked(
            "test_loss_vectorized",
            loss.format("vec_loss", "simclr_loss_vectorized", ", device=left.device") + says.format("loss_vectorized", "", "vec_loss"),
            [line.format("test_loss_vectorized") for line in taus], "0", "5.65617e-08",
        ),
    )  # fmt: skip


def transformer() -> Notebook:
    """Transformer captioning: the scores above the bar, and the last loss was not printed."""
    names = ("expected_self_attn_output", "expected_masked_self_attn_output", "expected_attn_output")
    arrays = "\n".join(f"{name} = np.asarray({[[[0.1 * k for k in range(8)]] * 3]})" for name in names)
    return of_cells(
        COLAB,
        code(
            "import numpy as np\nfrom cs231n.transformer_layers import *\n%load_ext autoreload\n%autoreload 2"
        ),
        code(
            "torch.manual_seed(231)\nbatch_size = 1\nsequence_length = 3\nembed_dim = 8\n"
            "attn = MultiHeadAttention(embed_dim, num_heads=2)\ndata = torch.randn(batch_size, sequence_length, embed_dim)\n"
            "self_attn_output = attn(query=data, key=data, value=data)\n"
            "mask = torch.randn(sequence_length, sequence_length) < 0.5\n"
            "masked_self_attn_output = attn(query=data, key=data, value=data, attn_mask=mask)\n"
            "other_data = torch.randn(batch_size, sequence_length, embed_dim)\n"
            f"attn_output = attn(query=data, key=other_data, value=other_data)\n{arrays}\n"
            "print('self_attn_output error: ', rel_error(expected_self_attn_output, self_attn_output.detach().numpy()))\n"
            "print('masked_self_attn_output error: ', rel_error(expected_masked_self_attn_output, masked_self_attn_output.detach().numpy()))\n"
            "print('attn_output error: ', rel_error(expected_attn_output, attn_output.detach().numpy()))",
            "self_attn_output error:  0.0003775124598178026\n",
            "masked_self_attn_output error:  0.0001526367643724865\n",
            "attn_output error:  0.0003527921483788199\n",
        ),
        code(
            "torch.manual_seed(231)\nbatch_size = 1\nsequence_length = 2\nembed_dim = 6\n"
            "data = torch.randn(batch_size, sequence_length, embed_dim)\npos_encoder = PositionalEncoding(embed_dim)\n"
            "output = pos_encoder(data)\nexpected_pe_output = np.asarray([[[-1.234, 1.1127, 1.6978, -0.0865, 0.0, 1.2728]]])\n"
            "print('pe_output error: ', rel_error(expected_pe_output, output.detach().numpy()))",
            "pe_output error:  0.00010421011374914356\n",
        ),
        code(
            "torch.manual_seed(231)\nnp.random.seed(231)\nN, D, W = 4, 20, 30\n"
            "word_to_idx = {'<NULL>': 0, 'cat': 2, 'dog': 3}\nV = len(word_to_idx)\nT = 3\n"
            "transformer = CaptioningTransformer(word_to_idx, input_dim=D, wordvec_dim=W, num_heads=2, num_layers=2, max_length=30)\n"
            "for p in transformer.parameters():\n    p.data = torch.tensor(np.linspace(-1.4, 1.3, num=p.numel()).reshape(*p.shape))\n"
            "features = torch.tensor(np.linspace(-1.5, 0.3, num=(N * D)).reshape(N, D))\n"
            "captions = torch.tensor((np.arange(N * T) % V).reshape(N, T))\nscores = transformer(features, captions)\n"
            "expected_scores = np.asarray([[[-16.9532, 4.8261, 26.6054]]])\n"
            "print('scores error: ', rel_error(expected_scores, scores.detach().numpy()))",
            "scores error:  0.0018992842984991993\n",
        ),
        code("print('Final loss: ', transformer_solver.loss_history[-1])"),
    )


def adversarial() -> Notebook:
    """The GAN notebook's losses and its questions; the minimax value is wrong."""
    return of_cells(
        COLAB,
        code(
            "from cs231n.gan_pytorch import bce_loss, discriminator_loss, generator_loss\n\n"
            "def test_discriminator_loss(logits_real, logits_fake, d_loss_true):\n"
            "    d_loss = discriminator_loss(torch.Tensor(logits_real).type(dtype), torch.Tensor(logits_fake).type(dtype)).cpu().numpy()\n"
            '    print("Maximum error in d_loss: %g" % rel_error(d_loss_true, d_loss))\n\n'
            "test_discriminator_loss(answers['logits_real'], answers['logits_fake'], answers['d_loss_true'])",
            "Maximum error in d_loss: 3.97058e-09\n",
        ),
        code(
            "def test_generator_loss(logits_fake, g_loss_true):\n"
            "    g_loss = generator_loss(torch.Tensor(logits_fake).type(dtype)).cpu().numpy()\n"
            '    print("Maximum error in g_loss: %g" % rel_error(g_loss_true, g_loss))\n\n'
            "test_generator_loss(answers['logits_fake'], answers['g_loss_true'])",
            "Maximum error in g_loss: 4.4518e-09\n",
        ),
        text(
            "## Inline Question 4\nFor f(x, y) = xy: to what does min over x of max over y evaluate? Evaluate the function "
            "numerically for six steps by alternating gradient updates from the starting point (1, 1), step size 1, and "
            "record the pairs of explicit values in the table."
        ),
        text(
            "### Your answer:\nI update $y$ first and then $x$ with the new $y$. In the end both are 1, which causes the "
            "minimax f(x, y) to evaluate to 1.\n\n"
            "$y_0$ | $y_1$ | $y_2$ | $y_3$ | $y_4$ | $y_5$ | $y_6$\n--|--|--|--|--|--|--\n"
            "1 | 2 | 1 | -1 | -2 | -1 | 1\n$x_0$ | $x_1$ | $x_2$ | $x_3$ | $x_4$ | $x_5$ | $x_6$\n1 | -1 | -2 | -1 | 1 | 2 | 1"
        ),
        text(
            "## Inline Question 5\nUsing this method, will we ever reach the optimal value? Why or why not?"
        ),
        text("### Your answer:\nNever: x and y want opposite things, so the values cycle."),
        text(
            "## Inline Question 6\nIf the generator loss decreases during training while the discriminator loss stays at a "
            "constant high value from the start, is this a good sign?"
        ),
        text("### Your answer:\n"),
    )

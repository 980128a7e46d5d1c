# %% [markdown]
# # Image captioning with a transformer
#
# A recurrent network reads word after word. A transformer looks at all words at once, and *attention* decides which
# of them matter to each other. In this notebook, in PyTorch, you write its parts in `cs231n/transformer_layers.py` and
# the model in `cs231n/classifiers/transformer.py`.
#
# The checks run in evaluation mode, without dropout: which elements dropout takes differs from machine to machine.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from cs231n.captioning_solver_transformer import CaptioningSolverTransformer
from cs231n.checking import rel_error, report
from cs231n.classifiers.transformer import CaptioningTransformer
from cs231n.coco_utils import decode_captions, load_coco_data, sample_coco_minibatch
from cs231n.image_utils import image_from_url
from cs231n.transformer_layers import *

# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

# %% [markdown]
# ## The data
#
# The same captions as in the notebook of the RNN.

# %%
data = load_coco_data(pca_features=True)
print({name: np.shape(value) for name, value in data.items() if isinstance(value, np.ndarray)})

# %% [markdown]
# ## Attention
#
# A query $q$ is compared with keys $k_1 \ldots k_T$; the answer is the average of the values $v_1 \ldots v_T$, weighted by
# how well their keys fit:
#
# $$y = \sum_j \alpha_j v_j, \qquad \alpha = \mathrm{softmax}\left(\frac{q \cdot k_1}{\sqrt{d}}, \ldots, \frac{q \cdot k_T}{\sqrt{d}}\right)$$
#
# Queries, keys and values are linear maps of the inputs. With $H$ heads each of these is cut into $H$ parts of $d = E / H$
# numbers, every head attends by itself, and a last linear map mixes what the heads have found. During training, dropout is
# applied to the weights $\alpha$. A mask takes away pairs: their score becomes $-\infty$ before the softmax.
#
# Write `MultiHeadAttention`. The errors should not exceed 1e-2 (the expected numbers have four decimals).

# %%
torch.manual_seed(231)
N, T, E = 1, 3, 8
attention = MultiHeadAttention(E, num_heads=2)
attention.eval()
data_in = torch.randn(N, T, E)
mask = torch.randn(T, T) < 0.5
other = torch.randn(N, T, E)

self_attention = attention(query=data_in, key=data_in, value=data_in)
masked = attention(query=data_in, key=data_in, value=data_in, attn_mask=mask)
cross = attention(query=data_in, key=other, value=other)

expected_self = np.asarray(
    [
        [
            [-0.1030, 0.2090, 0.7481, -0.4116, -0.2772, 0.2357, -0.2740, -0.2798],
            [-0.1794, 0.1637, 0.6930, -0.3435, -0.2300, 0.2457, -0.2504, -0.2323],
            [-0.1861, 0.1567, 0.6677, -0.3078, -0.2731, 0.2302, -0.2714, -0.2082],
        ]
    ]
)
expected_masked = np.asarray(
    [
        [
            [-0.1209, 0.1806, 0.8056, -0.4654, -0.2262, 0.2552, -0.2544, -0.2812],
            [-0.2374, 0.1183, 0.7423, -0.3777, -0.1460, 0.2716, -0.2213, -0.2077],
            [-0.0851, 0.2423, 0.7941, -0.3778, -0.4924, 0.1512, -0.4241, -0.1740],
        ]
    ]
)
expected_cross = np.asarray(
    [
        [
            [-0.1965, 0.0702, 0.5227, -0.1388, -0.3530, 0.2163, -0.2643, -0.1902],
            [-0.3592, -0.0899, 0.5836, 0.0029, -0.3643, 0.2667, -0.1973, -0.1698],
            [-0.3795, 0.0433, 0.5634, -0.0749, -0.4379, 0.2714, -0.2207, -0.1980],
        ]
    ]
)
report(
    "attention",
    at_most=1e-2,
    self_attention=rel_error(expected_self, self_attention.detach().numpy()),
    masked=rel_error(expected_masked, masked.detach().numpy()),
    cross=rel_error(expected_cross, cross.detach().numpy()),
)

# %% [markdown]
# ## Positions
#
# Attention does not know the order of the words. So a pattern that depends on the position is added to each word vector:
#
# $$P_{ij} = \sin(i \cdot 10000^{-j/E}) \text{ for even } j, \qquad \cos(i \cdot 10000^{-(j-1)/E}) \text{ for odd } j$$
#
# Write `PositionalEncoding`. At most 1e-2.

# %%
torch.manual_seed(231)
data_in = torch.randn(1, 2, 6)
encoder = PositionalEncoding(6)
encoder.eval()
output = encoder(data_in)
expected_output = np.asarray(
    [
        [
            [-1.1106, 1.0014, 1.5280, -0.0778, -0.6964, 1.1455],
            [0.8125, -0.4303, 0.4981, 0.7320, 1.1380, 1.5331],
        ]
    ]
)
report("positional_encoding", at_most=1e-2, output=rel_error(expected_output, output.detach().numpy()))

# %% [markdown]
# ### Inline question 1
#
# Three choices in the attention above were made on purpose. For each of them, say in a sentence or two what would happen
# without it:
#
# 1. several heads instead of one;
# 2. the scores are divided by $\sqrt{d}$ before the softmax;
# 3. a linear map comes after the heads.

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# 1. One head has one set of weights per word: it can look for the subject or for the colour, not for both.
#    Several heads average over several things at once.
# 2. The score of two random vectors has a variance of $d$. Without the division the scores get large, the softmax puts
#    nearly all weight on one key, and its gradient vanishes.
# 3. Without it the parts of the output would never mix: each coordinate would come from one head alone.

# %% [markdown]
# ## The captioning model
#
# Write `CaptioningTransformer.forward`: the words, with their positions, attend to each other (to earlier ones only) and
# to the image. At most 1e-5.

# %%
torch.manual_seed(231)
np.random.seed(231)
N, D, W, T = 4, 20, 30, 3
word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}
V = len(word_to_idx)
model = CaptioningTransformer(
    word_to_idx, input_dim=D, wordvec_dim=W, num_heads=2, num_layers=2, max_length=30
)
for parameter in model.parameters():
    values = 0.3 * np.sin(np.arange(parameter.numel())).reshape(*parameter.shape)
    parameter.data = torch.tensor(values)
model.eval()
features = torch.tensor(np.linspace(-1.5, 0.3, num=N * D).reshape(N, D))
captions = torch.tensor((np.arange(N * T) % V).reshape(N, T))

scores = model(features, captions)
expected_scores = np.asarray(
    [
        [
            [1.30664821, 0.42929315, -0.97929967],
            [1.30664819, 0.42929326, -0.97929961],
            [1.30664815, 0.42929324, -0.97929958],
        ],
        [
            [1.30662562, 0.42928292, -0.97928024],
            [1.3066256, 0.42928303, -0.97928018],
            [1.30662556, 0.42928301, -0.97928015],
        ],
        [
            [1.30660254, 0.42927277, -0.97926029],
            [1.30660252, 0.42927287, -0.97926024],
            [1.30660248, 0.42927285, -0.9792602],
        ],
        [
            [1.30657902, 0.42926268, -0.97923988],
            [1.306579, 0.42926279, -0.97923983],
            [1.30657896, 0.42926277, -0.97923979],
        ],
    ]
)
report("transformer_scores", at_most=1e-5, scores=rel_error(expected_scores, scores.detach().numpy()))

# %% [markdown]
# ## Learn fifty captions by heart
#
# The last loss should be below 0.1.

# %%
torch.manual_seed(231)
np.random.seed(231)
small_data = load_coco_data(max_train=50)
transformer = CaptioningTransformer(
    word_to_idx=data["word_to_idx"],
    input_dim=data["train_features"].shape[1],
    wordvec_dim=256,
    num_heads=2,
    num_layers=2,
    max_length=30,
)
solver = CaptioningSolverTransformer(
    transformer,
    small_data,
    idx_to_word=data["idx_to_word"],
    num_epochs=100,
    batch_size=25,
    learning_rate=0.001,
    print_every=10,
)
solver.train()

plt.plot(solver.loss_history)
plt.xlabel("Iteration")
plt.ylabel("Loss")
plt.show()

# %%
report("overfit", at_most=0.1, last_loss=float(solver.loss_history[-1]))

# %% [markdown]
# ## Describe images
#
# The sampling is written for you. Compare with the captions of the RNN.

# %%
transformer.eval()
for split in ["train", "val"]:
    captions, features, urls = sample_coco_minibatch(small_data, split=split, batch_size=2)
    sampled = decode_captions(transformer.sample(features, max_length=30), data["idx_to_word"])
    truth = decode_captions(captions, data["idx_to_word"])
    for right, mine, url in zip(truth, sampled, urls):
        print(f"{split}: {mine}\n   it is: {right}")
        image = image_from_url(url)
        if image is not None:
            plt.imshow(image)
            plt.title(mine)
            plt.axis("off")
            plt.show()

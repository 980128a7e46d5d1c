# %% [markdown]
# # Image captioning with a recurrent network
#
# In this notebook you write a vanilla RNN in numpy, part by part, check every part, and train it to describe images.
# The code goes into `cs231n/rnn_layers.py` and `cs231n/classifiers/rnn.py`; this notebook only runs it.
#
# Every check prints lines like `[check] rnn_step_forward: next_h = 6.29e-09 (at most 1e-07) ok`.
# They are meant for you and are read by the grader, so please leave the check cells as they are.

# %%
import matplotlib.pyplot as plt
import numpy as np

from cs231n.captioning_solver import CaptioningSolver
from cs231n.checking import rel_error, report
from cs231n.classifiers.rnn import CaptioningRNN
from cs231n.coco_utils import decode_captions, load_coco_data, sample_coco_minibatch
from cs231n.gradient_check import eval_numerical_gradient, eval_numerical_gradient_array
from cs231n.image_utils import image_from_url
from cs231n.rnn_layers import *

# %matplotlib inline
# %load_ext autoreload
# %autoreload 2

plt.rcParams["figure.figsize"] = (8.0, 6.0)

# %% [markdown]
# ## The data
#
# The captions come from the COCO data of 2014: about five sentences for each photograph. Three things were prepared:
#
# - an image is a vector of 512 numbers: the features of a VGG-16 network, projected on their main directions;
# - a word is a number; `decode_captions` turns numbers back into words;
# - a caption starts with `<START>`, ends with `<END>` and is filled up with `<NULL>`. Rare words became `<UNK>`.

# %%
data = load_coco_data(pca_features=True)

for name, value in data.items():
    if isinstance(value, np.ndarray):
        print(name, value.shape, value.dtype)
    else:
        print(name, type(value).__name__, len(value))

# %% [markdown]
# ### Look at it
#
# Before training on data, look at some. Images whose address is gone are left out.

# %%
captions, features, urls = sample_coco_minibatch(data, batch_size=3)
for caption, url in zip(captions, urls):
    print(decode_captions(caption, data["idx_to_word"]))
    image = image_from_url(url)
    if image is not None:
        plt.imshow(image)
        plt.axis("off")
        plt.show()

# %% [markdown]
# ## One time step, forward
#
# A vanilla RNN carries a hidden state $h$ from word to word:
#
# $$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$$
#
# Write `rnn_step_forward` in `cs231n/rnn_layers.py`. The error should not exceed 1e-7.

# %%
N, D, H = 3, 10, 4
x = np.linspace(-0.4, 0.7, num=N * D).reshape(N, D)
prev_h = np.linspace(-0.2, 0.5, num=N * H).reshape(N, H)
Wx = np.linspace(-0.1, 0.9, num=D * H).reshape(D, H)
Wh = np.linspace(-0.3, 0.7, num=H * H).reshape(H, H)
b = np.linspace(-0.2, 0.4, num=H)

next_h, _ = rnn_step_forward(x, prev_h, Wx, Wh, b)
expected_next_h = np.asarray(
    [
        [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
        [0.66854692, 0.79562378, 0.87755553, 0.92795967],
        [0.97934501, 0.99144213, 0.99646691, 0.99854353],
    ]
)
report("rnn_step_forward", at_most=1e-7, next_h=rel_error(expected_next_h, next_h))

# %% [markdown]
# ## One time step, backward
#
# Write `rnn_step_backward`. Its gradients are compared with numerical ones, of your own forward pass: at most 1e-7.

# %%
np.random.seed(231)
N, D, H = 4, 5, 6
x, h = np.random.randn(N, D), np.random.randn(N, H)
Wx, Wh, b = np.random.randn(D, H), np.random.randn(H, H), np.random.randn(H)
out, cache = rnn_step_forward(x, h, Wx, Wh, b)
dnext_h = np.random.randn(*out.shape)
gradients = rnn_step_backward(dnext_h, cache)


def step_output(_):
    return rnn_step_forward(x, h, Wx, Wh, b)[0]


errors = {}
for name, array, gradient in zip(["dx", "dprev_h", "dWx", "dWh", "db"], [x, h, Wx, Wh, b], gradients):
    errors[name] = rel_error(eval_numerical_gradient_array(step_output, array, dnext_h), gradient)
report("rnn_step_backward", at_most=1e-7, **errors)

# %% [markdown]
# ## A whole sequence, forward
#
# `rnn_forward` runs the step over all T words and returns every hidden state. At most 1e-6.

# %%
N, T, D, H = 2, 3, 4, 5
x = np.linspace(-0.1, 0.3, num=N * T * D).reshape(N, T, D)
h0 = np.linspace(-0.3, 0.1, num=N * H).reshape(N, H)
Wx = np.linspace(-0.2, 0.4, num=D * H).reshape(D, H)
Wh = np.linspace(-0.4, 0.1, num=H * H).reshape(H, H)
b = np.linspace(-0.7, 0.1, num=H)

h, _ = rnn_forward(x, h0, Wx, Wh, b)
expected_h = np.asarray(
    [
        [
            [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
            [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
            [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
        ],
        [
            [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
            [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
            [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
        ],
    ]
)
report("rnn_forward", at_most=1e-6, h=rel_error(expected_h, h))

# %% [markdown]
# ## A whole sequence, backward
#
# `rnn_backward` gets the gradient of the loss with respect to every hidden state *from above*; what flows from one time
# step to the one before it is for you to add. Every weight is used at every step, so its gradients add up. At most 1e-5.

# %%
np.random.seed(231)
N, D, T, H = 2, 3, 10, 5
x, h0 = np.random.randn(N, T, D), np.random.randn(N, H)
Wx, Wh, b = np.random.randn(D, H), np.random.randn(H, H), np.random.randn(H)
out, cache = rnn_forward(x, h0, Wx, Wh, b)
dout = np.random.randn(*out.shape)
gradients = rnn_backward(dout, cache)


def sequence_output(_):
    return rnn_forward(x, h0, Wx, Wh, b)[0]


errors = {}
for name, array, gradient in zip(["dx", "dh0", "dWx", "dWh", "db"], [x, h0, Wx, Wh, b], gradients):
    errors[name] = rel_error(eval_numerical_gradient_array(sequence_output, array, dout), gradient)
report("rnn_backward", at_most=1e-5, **errors)

# %% [markdown]
# ## Word vectors, forward
#
# Each word of the vocabulary has a vector, a row of `W`, and the vectors are learned with everything else.
# `word_embedding_forward` looks them up. At most 1e-7.

# %%
N, T, V, D = 2, 4, 5, 3
x = np.asarray([[0, 3, 1, 2], [2, 1, 0, 3]])
W = np.linspace(0, 1, num=V * D).reshape(V, D)

out, _ = word_embedding_forward(x, W)
expected_out = (
    np.asarray(
        [
            [[0, 1, 2], [9, 10, 11], [3, 4, 5], [6, 7, 8]],
            [[6, 7, 8], [3, 4, 5], [0, 1, 2], [9, 10, 11]],
        ]
    )
    / 14
)
report("word_embedding_forward", at_most=1e-7, out=rel_error(expected_out, out))

# %% [markdown]
# ## Word vectors, backward
#
# A word that occurs more than once in a batch gets the sum of its gradients. At most 1e-10.

# %%
np.random.seed(231)
N, T, V, D = 50, 3, 5, 6
x = np.random.randint(V, size=(N, T))
W = np.random.randn(V, D)
out, cache = word_embedding_forward(x, W)
dout = np.random.randn(*out.shape)
dW = word_embedding_backward(dout, cache)

dW_num = eval_numerical_gradient_array(lambda _: word_embedding_forward(x, W)[0], W, dout)
report("word_embedding_backward", at_most=1e-10, dW=rel_error(dW_num, dW))

# %% [markdown]
# ## From hidden states to word scores
#
# The same affine map at every time step, `temporal_affine_forward` and `temporal_affine_backward`, is given. At most 1e-8.

# %%
np.random.seed(231)
N, T, D, M = 2, 3, 4, 5
x, w, b = np.random.randn(N, T, D), np.random.randn(D, M), np.random.randn(M)
out, cache = temporal_affine_forward(x, w, b)
dout = np.random.randn(*out.shape)
gradients = temporal_affine_backward(dout, cache)


def affine_output(_):
    return temporal_affine_forward(x, w, b)[0]


errors = {}
for name, array, gradient in zip(["dx", "dw", "db"], [x, w, b], gradients):
    errors[name] = rel_error(eval_numerical_gradient_array(affine_output, array, dout), gradient)
report("temporal_affine", at_most=1e-8, **errors)

# %% [markdown]
# ## The loss over a caption
#
# `temporal_softmax_loss` is given, too: the cross-entropy of every word, summed over time and averaged over the batch.
# Captions have different lengths; a **mask** says which words count. Random scores must cost about log V per word.

# %%
np.random.seed(231)


def loss_of_random_scores(N, T, V, p):
    scores = 0.001 * np.random.randn(N, T, V)
    words = np.random.randint(V, size=(N, T))
    return temporal_softmax_loss(scores, words, np.random.rand(N, T) <= p)[0]


report(
    "temporal_softmax",
    at_most=dict(one_word=0.01, ten_words=0.1, masked=0.1, dx=1e-6),
    one_word=abs(loss_of_random_scores(100, 1, 10, 1.0) - np.log(10)),
    ten_words=abs(loss_of_random_scores(100, 10, 10, 1.0) - 10 * np.log(10)),
    masked=abs(loss_of_random_scores(5000, 10, 10, 0.1) - np.log(10)),
)

N, T, V = 7, 8, 9
x = np.random.randn(N, T, V)
y = np.random.randint(V, size=(N, T))
mask = np.random.rand(N, T) > 0.5
_, dx = temporal_softmax_loss(x, y, mask)
dx_num = eval_numerical_gradient(lambda x: temporal_softmax_loss(x, y, mask)[0], x, verbose=False)
report("temporal_softmax", at_most=1e-6, dx=rel_error(dx_num, dx))

# %% [markdown]
# ## The captioning model
#
# Put the parts together in `CaptioningRNN.loss` in `cs231n/classifiers/rnn.py`: the image gives the first hidden state, the
# words up to the last are read, and after each the next one has to be guessed. At most 1e-9 from the expected loss.

# %%
N, D, W, H, T = 10, 20, 30, 40, 13
word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}
V = len(word_to_idx)
model = CaptioningRNN(
    word_to_idx, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type="rnn", dtype=np.float64
)
for name, value in model.params.items():
    model.params[name] = np.linspace(-1.4, 1.3, num=value.size).reshape(*value.shape)
features = np.linspace(-1.5, 0.3, num=N * D).reshape(N, D)
captions = (np.arange(N * T) % V).reshape(N, T)

loss, grads = model.loss(features, captions)
report("captioning_loss", at_most=1e-9, difference=abs(loss - 9.83235591003))

# %% [markdown]
# Now its gradients, again compared with numerical ones. At most 1e-5.

# %%
np.random.seed(231)
word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}
captions = np.random.randint(len(word_to_idx), size=(2, 3))
features = np.random.randn(2, 4)
model = CaptioningRNN(
    word_to_idx, input_dim=4, wordvec_dim=5, hidden_dim=6, cell_type="rnn", dtype=np.float64
)
loss, grads = model.loss(features, captions)

errors = {}
for name in sorted(grads):
    numerical = eval_numerical_gradient(
        lambda _: model.loss(features, captions)[0], model.params[name], verbose=False, h=1e-6
    )
    errors[name] = rel_error(numerical, grads[name])
report("captioning_gradients", at_most=1e-5, **errors)

# %% [markdown]
# ## Learn fifty captions by heart
#
# A model that works can memorise a small set. `CaptioningSolver` trains it; the last loss should be below 0.5.

# %%
np.random.seed(231)
small_data = load_coco_data(max_train=50)
small_model = CaptioningRNN(
    cell_type="rnn",
    word_to_idx=data["word_to_idx"],
    input_dim=data["train_features"].shape[1],
    hidden_dim=512,
    wordvec_dim=256,
)
solver = CaptioningSolver(
    small_model,
    small_data,
    update_rule="adam",
    num_epochs=60,
    batch_size=25,
    optim_config={"learning_rate": 5e-3},
    lr_decay=0.98,
    print_every=10,
)
solver.train()

plt.plot(solver.loss_history)
plt.xlabel("Iteration")
plt.ylabel("Loss")
plt.show()

# %%
report("overfit", at_most=0.5, last_loss=float(solver.loss_history[-1]))

# %% [markdown]
# ## Describe images
#
# Write `CaptioningRNN.sample`: from `<START>` on, the most likely word is fed back as the next input. Captions of training
# images should be nearly perfect, those of validation images need not make sense.

# %%
for split in ["train", "val"]:
    captions, features, urls = sample_coco_minibatch(small_data, split=split, batch_size=2)
    sampled = decode_captions(small_model.sample(features), data["idx_to_word"])
    truth = decode_captions(captions, data["idx_to_word"])
    for right, mine, url in zip(truth, sampled, urls):
        print(f"{split}: {mine}\n   it is: {right}")
        image = image_from_url(url)
        if image is not None:
            plt.imshow(image)
            plt.title(mine)
            plt.axis("off")
            plt.show()

# %% [markdown]
# ### Inline question 1
#
# Our model reads and writes words. It could just as well work with single characters, `a`, ` `, `d`, `o`, `g`.
# Name one thing that a model of characters does better, and one that it does worse. Think of the sizes of its parameters.

# %% [markdown] tags=["answer"]
# **Your answer:**
#
# Better: its vocabulary is a hundred characters instead of thousands of words, so the embedding and the output layer are
# small, and no word is unknown. Worse: a caption has about five times as many steps, so that training is slower and
# what was said at its beginning has to be remembered for longer; and words may come out misspelt.

"""The SimCLR model: its parts, sizes and outputs against torchvision's ResNet-50."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import resnet50

from reference.cs231n.simclr.model import Model


@pytest.fixture(scope="module")
def model():
    """One model in evaluation mode: ResNet-50 takes half a second to make."""
    torch.manual_seed(0)
    return Model(feature_dim=16).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_encoder_equals_a_changed_resnet(model, images):
    """f is torchvision's ResNet-50 with a 3x3 first convolution and neither max-pool nor classifier."""
    resnet = resnet50()
    resnet.conv1 = torch.nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    resnet.maxpool = torch.nn.Identity()
    resnet.fc = torch.nn.Identity()
    resnet.load_state_dict(dict(zip(resnet.state_dict(), model.f.state_dict().values(), strict=True)))
    with torch.no_grad():
        expected = F.normalize(resnet.eval()(images), dim=1)
        torch.testing.assert_close(model(images)[0], expected, rtol=1e-4, atol=1e-6)


def test_projection_equals_its_formula(model, images):
    """g is linear without bias, batch norm (fresh: the identity), ReLU, linear; z has unit length."""
    with torch.no_grad():
        h = model.f(images).flatten(1)
        hidden = F.relu(h @ model.g[0].weight.T / (1 + model.g[1].eps) ** 0.5)
        expected = hidden @ model.g[3].weight.T + model.g[3].bias
        torch.testing.assert_close(model(images)[1], expected / expected.norm(dim=1, keepdim=True))


def test_outputs_have_unit_length(model, images):
    """(h, z) has shapes (N, 2048) and (N, feature_dim), rows of length 1."""
    with torch.no_grad():
        h, z = model(images)
    assert (h.shape, z.shape) == ((2, 2048), (2, 16))
    for rows in (h, z):
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(2))


def test_parameter_count_and_names():
    """The default model has the 24.62 million parameters of the notebook, named by their place in f and g."""
    model = Model()
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(24.62, abs=0.005)
    names = list(model.state_dict())
    assert names[0] == "f.0.weight"
    assert model.f[0].weight.shape == (64, 3, 3, 3)
    assert {"g.0.weight", "g.1.running_mean", "g.3.bias"} <= set(names)
    assert "g.0.bias" not in names
    assert model.g[3].out_features == 128

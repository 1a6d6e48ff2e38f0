# SPDX-License-Identifier: Apache-2.0
"""The network of the example: MobileNetV2 in small, for 32x32 pictures."""

from torch import nn

CLASS_COUNT = 36
# Inverted residuals: channels out, stride, expansion. The stem before them halves the picture to 16x16.
BLOCKS = (
    (16, 1, 1),
    (24, 2, 6),
    (40, 1, 4),
    (40, 1, 4),
    (40, 1, 4),
    (72, 2, 4),
    (72, 1, 4),
    (72, 1, 4),
)
STEM_CHANNELS = 24
LAST_CHANNELS = 192


def convolution(inputs, outputs, size=1, stride=1, groups=1, activation=True):
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if activation:
        layers.append(nn.ReLU6())
    return layers


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = convolution(inputs, hidden) if expansion > 1 else []
        layers += convolution(hidden, hidden, 3, stride, groups=hidden)
        layers += convolution(hidden, outputs, activation=False)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class GlyphNet(nn.Module):
    """[N,3,32,32] pixels, (value - 127.5) / 127.5, to [N,36] scores; the largest is the answer."""

    def __init__(self):
        super().__init__()
        layers = convolution(3, STEM_CHANNELS, 3, 2)
        channels = STEM_CHANNELS
        for outputs, stride, expansion in BLOCKS:
            layers.append(InvertedResidual(channels, outputs, stride, expansion))
            channels = outputs
        layers += convolution(channels, LAST_CHANNELS)
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(LAST_CHANNELS, CLASS_COUNT)

    def forward(self, x):
        return self.classifier(self.pool(self.features(x)).flatten(1))

// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/attention_loop.h"
#include "kernels/common/elementwise_binary_loop.h"
#include "kernels/common/elementwise_unary_loop.h"
#include "kernels/common/normalisation_loop.h"
#include "kernels/common/softmax_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {
namespace {

// As many vectors at a time as fit into the registers beside the constants of polynomials.
#if defined(__aarch64__)
constexpr int kElementsTogether = 4;
#else
constexpr int kElementsTogether = 2;
#endif

}  // namespace

constinit const UnarySet kUnaryNeon = unary_set<Neon, kElementsTogether>();
constinit const BinarySet kBinaryNeon = binary_set<Neon>();
constinit const SoftmaxSet kSoftmaxNeon = {softmax_rows<Neon>};
constinit const ScoreSet kScoresNeon = {weigh_scores<Neon>};
constinit const NormSet kNormNeon = norm_set<Neon>();

}  // namespace fettle::kernels

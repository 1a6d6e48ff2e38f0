// SPDX-License-Identifier: Apache-2.0
//
// What selected_test.cc says that the build holds: in place of the header that CMake makes.
namespace fettle::kernels {
inline constexpr std::string_view kSelectedKernels[] = {
    "conv.indirect.f32.avx512+hard_swish",
    "conv.indirect.f32.avx512+add",
    "conv.direct.f32.avx2",
    "conv.gemm.f32.portable+add+tanh",
};
}

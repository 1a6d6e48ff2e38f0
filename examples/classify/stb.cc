// SPDX-License-Identifier: Apache-2.0
//
// The decoder of pictures: a header that one source file compiles.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#include <stb_image.h>

# SPDX-License-Identifier: Apache-2.0
#
# stb_image 2.27 writes and reads past the end of Huffman tables that a damaged JPEG gives it, and goes on where the bits
# of a scan have ended. What later versions do about that is put into a copy here; they themselves are copied as they are.

# fettle_fix_stb(<header> <copy>)
function(fettle_fix_stb header copy)
  file(READ "${header}" text)

  macro(replace old new)
    string(FIND "${text}" "${old}" _place)
    if(_place EQUAL -1)
      message(FATAL_ERROR "${header} is not the stb_image 2.27 that is known, which has: ${old}")
    endif()
    string(REPLACE "${old}" "${new}" text "${text}")
  endmacro()

  if(text MATCHES "stb_image - v2\\.27 ")
    # More codes than there are symbols.
    replace("h->size[k++] = (stbi_uc) (i+1);"
            "{ if (k >= 256) return stbi__err(0,\"Corrupt JPEG\"); h->size[k++] = (stbi_uc) (i+1); }")
    # A code that stands for no symbol.
    replace("stbi__bmask[k]) + h->delta[k];"
            "stbi__bmask[k]) + h->delta[k]; if (c < 0 || c >= 256) return -1;")
    # Bits that are not there.
    replace("if (j->code_bits < n) stbi__grow_buffer_unsafe(j);"
            "if (j->code_bits < n) stbi__grow_buffer_unsafe(j); if (j->code_bits < n) return 0;")
    replace("if (j->code_bits < 1) stbi__grow_buffer_unsafe(j);"
            "if (j->code_bits < 1) stbi__grow_buffer_unsafe(j); if (j->code_bits < 1) return 0;")
    replace("s = r & 15; // combined length"
            "s = r & 15; if (s > j->code_bits) return stbi__err(0,\"Corrupt JPEG\");")
  endif()

  set(_old "")
  if(EXISTS "${copy}")
    file(READ "${copy}" _old)
  endif()
  if(NOT _old STREQUAL text)
    file(WRITE "${copy}" "${text}")
  endif()
endfunction()

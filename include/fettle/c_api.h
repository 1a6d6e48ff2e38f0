/* SPDX-License-Identifier: Apache-2.0
 *
 * The C interface: the same things as <fettle/fettle.h> for C and for other languages.
 *
 * Every function that can fail returns a fettle_status, 0 when all went well; fettle_last_error() then
 * describes the failure of this thread's latest call. Handles are made by *_load, *_compile and *_create and
 * given back by *_free, which accept NULL. Models, plans and programs are immutable and may be used from
 * several threads; a runtime is used by one thread at a time. Strings that are returned belong to their
 * handle and live as long as it does. No function throws, prints or exits.
 */
#ifndef FETTLE_C_API_H
#define FETTLE_C_API_H

#include <fettle/export.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** 0: success; else a fettle::ErrorCode (see <fettle/error.h>), whose hundreds give the group. */
typedef int fettle_status;

typedef struct fettle_model fettle_model;
typedef struct fettle_plan fettle_plan;
typedef struct fettle_program fettle_program;
typedef struct fettle_runtime fettle_runtime;
typedef struct fettle_weight_store fettle_weight_store;

/** The library's version, such as "0.1.0". */
FETTLE_API const char* fettle_version(void);
/** Message of this thread's latest failure; "" when there was none. Valid until this thread's next call. */
FETTLE_API const char* fettle_last_error(void);
/** What to do about it; "" when there is nothing to say. Valid like fettle_last_error. */
FETTLE_API const char* fettle_last_hint(void);
/** The stable name of a status, such as "model_unsupported"; "ok" for 0. */
FETTLE_API const char* fettle_status_name(fettle_status status);

/** Element types, with the numbers of fettle::DataType. Each element of the types from FETTLE_F8E4M3FN on is
 * a byte of its own, those of fewer bits too. */
typedef enum fettle_data_type {
  FETTLE_UNDEFINED = 0,
  FETTLE_F32,
  FETTLE_F16,
  FETTLE_BF16,
  FETTLE_F64,
  FETTLE_S8,
  FETTLE_U8,
  FETTLE_S16,
  FETTLE_U16,
  FETTLE_S32,
  FETTLE_U32,
  FETTLE_S64,
  FETTLE_U64,
  FETTLE_BOOLEAN,
  FETTLE_F8E4M3FN,
  FETTLE_F8E4M3FNUZ,
  FETTLE_F8E5M2,
  FETTLE_F8E5M2FNUZ,
  FETTLE_F8E8M0,
  FETTLE_F4E2M1,
  FETTLE_S4,
  FETTLE_U4,
  FETTLE_S2,
  FETTLE_U2
} fettle_data_type;

/** One input or output. */
typedef struct fettle_tensor_info {
  const char* name;
  fettle_data_type type;
  int rank;
  int64_t shape[8]; /**< the first `rank` are set, outermost first, ONNX order */
  int nhwc;         /**< 1 when the memory is N, H, W, C (8-bit pictures), else row-major in ONNX order */
  size_t bytes;     /**< of the dense tensor */
} fettle_tensor_info;

/** Fixes the shape of one input; needed for models that leave dimensions free. */
typedef struct fettle_input_shape {
  const char* name;
  int rank;
  int64_t shape[8]; /**< the first `rank`, outermost first, ONNX order */
} fettle_input_shape;

/** How to read a model. Fill with fettle_model_options_init, then change what is needed. */
typedef struct fettle_model_options {
  size_t struct_size;               /**< set by fettle_model_options_init */
  const fettle_input_shape* shapes; /**< of inputs that the model leaves free; NULL: none */
  size_t shape_count;
  int keep_subnormals; /**< 1: subnormal numbers count in every layer, see fettle::ModelOptions */
} fettle_model_options;
FETTLE_API void fettle_model_options_init(fettle_model_options* options);

/** Reads an ONNX file. */
FETTLE_API fettle_status fettle_model_load(const char* path, fettle_model** model);
/** The same, with the shapes of `count` inputs. */
FETTLE_API fettle_status fettle_model_load_shaped(const char* path, const fettle_input_shape* shapes,
                                                  size_t count, fettle_model** model);
/** The same with all options; they may be NULL. Options that were not filled by their init function are
 * refused. */
FETTLE_API fettle_status fettle_model_load_with(const char* path, const fettle_model_options* options,
                                                fettle_model** model);
/** Reads an ONNX model from memory, which is not kept. `name` stands for the file in messages; may be NULL.
 */
FETTLE_API fettle_status fettle_model_parse(const void* bytes, size_t size, const char* name,
                                            fettle_model** model);
/** The same, with the shapes of `count` inputs. */
FETTLE_API fettle_status fettle_model_parse_shaped(const void* bytes, size_t size, const char* name,
                                                   const fettle_input_shape* shapes, size_t count,
                                                   fettle_model** model);
/** The same with all options; they may be NULL. */
FETTLE_API fettle_status fettle_model_parse_with(const void* bytes, size_t size, const char* name,
                                                 const fettle_model_options* options, fettle_model** model);
/** The same network for other shapes of `count` of its inputs, see fettle::Model::with_shapes: no file is
 * read, and weights are shared. Both models are freed, in any order. */
FETTLE_API fettle_status fettle_model_with_shapes(const fettle_model* model, const fettle_input_shape* shapes,
                                                  size_t count, fettle_model** reshaped);
FETTLE_API void fettle_model_free(fettle_model* model);

/** Reads a plan file. */
FETTLE_API fettle_status fettle_plan_load(const char* path, fettle_plan** plan);
/** Reads a plan's text of `size` bytes. */
FETTLE_API fettle_status fettle_plan_parse(const char* text, size_t size, fettle_plan** plan);
FETTLE_API void fettle_plan_free(fettle_plan* plan);

/** Makes a store of packed weights: programs that are compiled with the same one share what is equal. */
FETTLE_API fettle_status fettle_weight_store_create(fettle_weight_store** store);
/** Bytes of everything in the store that a program uses, each counted once. */
FETTLE_API size_t fettle_weight_store_bytes(const fettle_weight_store* store);
FETTLE_API void fettle_weight_store_free(fettle_weight_store* store);

/** What kernels may make of NaN and infinities, see fettle::NonFinite. */
typedef enum fettle_nonfinite {
  FETTLE_NONFINITE_EXACT = 0,
  FETTLE_NONFINITE_SPREADS_IN_TILE,
  FETTLE_NONFINITE_LOSES_NAN
} fettle_nonfinite;

/** How to compile. Fill with fettle_compile_options_init, then change what is needed. */
typedef struct fettle_compile_options {
  size_t struct_size;        /**< set by fettle_compile_options_init */
  int threads;               /**< the most threads of any layer; 0: what the plan says, one without a plan */
  int release_weights;       /**< 1: the program keeps none of the model's original constants */
  const char* picture_input; /**< name of an input given as 8-bit N, H, W, C pictures; NULL: none */
  float mean[4];             /**< subtracted from each channel of a picture */
  float std[4];              /**< then divides; none 0 */
  int swap_red_blue;         /**< 1: exchange channels 0 and 2 */
  /** Called during compilation only, with level 0 (information) or 1 (warning); NULL: silent. */
  void (*log)(void* context, int level, const char* message);
  void* log_context;
  const fettle_weight_store* weights; /**< NULL: a store of the program's own. May be freed afterwards */
  fettle_nonfinite nonfinite;         /**< the weakest that kernels may be; spreads_in_tile by default */
} fettle_compile_options;
FETTLE_API void fettle_compile_options_init(fettle_compile_options* options);

/** Compiles a model; `plan` and `options` may be NULL. Options that were not filled by their init function
 * are refused. The model and plan may be freed afterwards. */
FETTLE_API fettle_status fettle_program_compile(const fettle_model* model, const fettle_plan* plan,
                                                const fettle_compile_options* options,
                                                fettle_program** program);
FETTLE_API void fettle_program_free(fettle_program* program);
/** Bytes of the arena that each runtime of the program needs. */
FETTLE_API size_t fettle_program_arena_bytes(const fettle_program* program);
/** Bytes of packed weights and constants. */
FETTLE_API size_t fettle_program_weight_bytes(const fettle_program* program);
/** Number of things that fell back, and the text of one; NULL past the end. */
FETTLE_API size_t fettle_program_report_count(const fettle_program* program);
FETTLE_API const char* fettle_program_report(const fettle_program* program, size_t index);

/** A pool of the caller's, see fettle::ThreadPool for the contract of `parallel`. `context` is passed
 * through. */
typedef struct fettle_thread_pool {
  void* context;
  int (*threads)(void* context);
  void (*parallel)(void* context, int max_threads, int64_t range,
                   void (*task)(void* task_context, int64_t begin, int64_t end, int worker),
                   void* task_context);
} fettle_thread_pool;

/** How to make a runtime. Fill with fettle_runtime_options_init, then change what is needed. */
typedef struct fettle_runtime_options {
  size_t struct_size; /**< set by fettle_runtime_options_init */
  void* memory;       /**< the arena, 64-byte aligned; NULL: allocated. Must outlive the runtime */
  size_t memory_bytes;
  const fettle_thread_pool*
      pool;    /**< NULL: a pool of Fettle's own. The functions and context must outlive the runtime */
  int profile; /**< 1: time every step */
} fettle_runtime_options;
FETTLE_API void fettle_runtime_options_init(fettle_runtime_options* options);

/** Makes one more runtime of a program; `options` may be NULL. The program may be freed afterwards. */
FETTLE_API fettle_status fettle_runtime_create(const fettle_program* program,
                                               const fettle_runtime_options* options,
                                               fettle_runtime** runtime);
/** Model, plan (NULL or "": none), program and runtime in one call, with default options. */
FETTLE_API fettle_status fettle_runtime_load(const char* model_path, const char* plan_path,
                                             fettle_runtime** runtime);
FETTLE_API void fettle_runtime_free(fettle_runtime* runtime);

FETTLE_API size_t fettle_runtime_input_count(const fettle_runtime* runtime);
FETTLE_API size_t fettle_runtime_output_count(const fettle_runtime* runtime);
/** Describes an input or output. Fails when the index is past the end. Outputs whose size depends on the data
 * have the shape and bytes of the last run, and the most there can be before the first. */
FETTLE_API fettle_status fettle_runtime_input_info(const fettle_runtime* runtime, size_t index,
                                                   fettle_tensor_info* info);
FETTLE_API fettle_status fettle_runtime_output_info(const fettle_runtime* runtime, size_t index,
                                                    fettle_tensor_info* info);
/** The index of the input or output of that name. */
FETTLE_API fettle_status fettle_runtime_find_input(const fettle_runtime* runtime, const char* name,
                                                   size_t* index);
FETTLE_API fettle_status fettle_runtime_find_output(const fettle_runtime* runtime, const char* name,
                                                    size_t* index);
/** The memory of an input (to fill) or output (to read); NULL when the index is past the end. */
FETTLE_API void* fettle_runtime_input_data(fettle_runtime* runtime, size_t index);
FETTLE_API const void* fettle_runtime_output_data(fettle_runtime* runtime, size_t index);
/** Copies exactly the input's bytes in, or the output's out. */
FETTLE_API fettle_status fettle_runtime_set_input(fettle_runtime* runtime, size_t index, const void* data,
                                                  size_t bytes);
FETTLE_API fettle_status fettle_runtime_get_output(fettle_runtime* runtime, size_t index, void* data,
                                                   size_t bytes);
/** Uses the caller's memory from now on; see fettle::Runtime::bind_input. */
FETTLE_API fettle_status fettle_runtime_bind_input(fettle_runtime* runtime, size_t index, const void* memory,
                                                   size_t bytes);
FETTLE_API fettle_status fettle_runtime_bind_output(fettle_runtime* runtime, size_t index, void* memory,
                                                    size_t bytes);
/** Runs the network once. Does not allocate, log or do I/O. */
FETTLE_API fettle_status fettle_runtime_run(fettle_runtime* runtime);
/** Turns the profile on or off and clears it. */
FETTLE_API void fettle_runtime_set_profiling(fettle_runtime* runtime, int on);
/** The profile as a table, or as Chrome trace events; valid until the next call of either for this runtime.
 * NULL when out of memory. */
FETTLE_API const char* fettle_runtime_profile_table(fettle_runtime* runtime);
FETTLE_API const char* fettle_runtime_profile_trace(fettle_runtime* runtime);
/** As fettle_program_report_count and fettle_program_report, and the sizes, for a runtime made by
 * fettle_runtime_load. */
FETTLE_API size_t fettle_runtime_report_count(const fettle_runtime* runtime);
FETTLE_API const char* fettle_runtime_report(const fettle_runtime* runtime, size_t index);
FETTLE_API size_t fettle_runtime_arena_bytes(const fettle_runtime* runtime);

#ifdef __cplusplus
}
#endif

#endif /* FETTLE_C_API_H */

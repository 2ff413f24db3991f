/* linnet: the C API. C89; no dependency but <stddef.h>.
 *
 * A model is a block of bytes (a .lnt file, mapped, loaded or linked into flash) that is used in place and never
 * copied. A session is one block of caller memory, the arena: it holds the session's state, all activations and all
 * scratch memory. Nothing is allocated, nothing is freed, no thread is started and there is no global state; sessions
 * are independent of each other and any number of them may share one model.
 *
 *   linnet_options options = LINNET_OPTIONS_INIT;
 *   linnet_model_info info = LINNET_MODEL_INFO_INIT;
 *   linnet_get_model_info(&options, bytes, size, &info);        -- info.arena_bytes
 *   linnet_init(&options, bytes, size, arena, arena_size, &session);
 *   linnet_input(session, 0, &view);  ... fill view.data ...
 *   linnet_run(session);
 *   linnet_output(session, 0, &view); ... read view.data ...
 *
 * Structs that begin with struct_size may grow at their end in later versions; the _INIT macros set it.
 */
#ifndef LINNET_H_
#define LINNET_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LINNET_VERSION_MAJOR 0
#define LINNET_VERSION_MINOR 1
#define LINNET_VERSION_PATCH 0

/* Required alignment of the model's bytes and of the arena. */
#define LINNET_ALIGNMENT 64
#define LINNET_MAX_DIMENSIONS 8

/* Numbers are stable: a code keeps its number for ever. */
typedef enum linnet_status {
  LINNET_OK = 0,
  LINNET_ERROR_ARGUMENT = 1,         /* a null pointer, an index out of range or a wrong struct_size */
  LINNET_ERROR_MODEL_ALIGNMENT = 2,  /* model bytes, or a block in them, are not LINNET_ALIGNMENT-aligned; wanted,
                                        got (address modulo wanted) */
  LINNET_ERROR_MODEL_IDENTIFIER = 3, /* not a linnet model */
  LINNET_ERROR_MODEL_VERSION = 4,    /* made for another format version; wanted (the newest supported), got */
  LINNET_ERROR_MODEL_CORRUPT = 5,    /* truncated or damaged: the FlatBuffer or a value in it is not consistent */
  LINNET_ERROR_OPERATOR = 6,         /* a step's operator is not in this build: wanted 0, got (the operator's number).
                                        Or a feature of the step, which is a cascade's first one where that is the
                                        feature: wanted 1, got (0 cascades, 1 moments, 2 transposed, 3 float
                                        arithmetic, 4 integer arithmetic, 5 states, which no step has, 6 arithmetic of
                                        int16, 7 int8, 8 dynamic int8, 9 float32 or 10 sparse weights); wanted 2, got (the
                                        schema's Function); wanted 3, got (its ReduceKind) */
  LINNET_ERROR_ARENA_ALIGNMENT = 7,  /* arena is not LINNET_ALIGNMENT-aligned; wanted, got */
  LINNET_ERROR_ARENA_SIZE = 8,       /* arena too small; wanted, got in bytes */
  LINNET_ERROR_ISA = 9,              /* the instruction set asked for is not in this build or on this CPU */
  LINNET_ERROR_SHAPE = 10,           /* a shape, stride or parameter of a step does not fit its tensors; wanted, got */
  LINNET_ERROR_RANGE = 11            /* an offset or index points outside its tensor, buffer or the arena (wanted: the
                                        limit), or a step would write over its own input (the two tensors) */
} linnet_status;

/* Where the last error of linnet_init or linnet_get_model_info lies; indices are -1 where they do not apply. */
typedef struct linnet_error_detail {
  size_t struct_size; /* set by the caller; where it is too small nothing is filled */
  linnet_status status;
  int step;   /* index into the model's steps */
  int tensor; /* index into the model's tensors */
  int check;  /* line of the check that failed, for bug reports */
  size_t wanted, got;
} linnet_error_detail;
#define LINNET_ERROR_DETAIL_INIT \
  { sizeof(linnet_error_detail), LINNET_OK, -1, -1, 0, 0, 0 }

typedef enum linnet_type {
  LINNET_FLOAT32 = 0,
  LINNET_INT8 = 1,
  LINNET_UINT8 = 2,
  LINNET_INT32 = 3,
  LINNET_BOOL = 4,
  LINNET_INT16 = 5
} linnet_type;

/* One unit of parallel work: called with every index in 0..count-1 exactly once. */
typedef void (*linnet_task)(void* argument, int index);

/* Runs task(argument, 0..count-1), concurrently or not, and returns when all have finished. count never exceeds the
 * options' threads. An index best runs on the same core every time: the part of a step that it names is next to the one
 * that it named in the step before. */
typedef void (*linnet_parallel_for)(void* context, linnet_task task, void* argument, int count);

typedef struct linnet_session linnet_session;

/* Called before (finished = 0) and after (finished = 1) every step; reads a clock of the caller's. Steps that the
 * converter made a cascade run in turns, a few lines of an image each time, and are called for each turn: add up. */
typedef void (*linnet_profile_hook)(void* context, int step, int finished);

struct linnet_tensor_view;
/* Called after every step with each of its outputs, while their contents are valid; in a cascade after each turn, with
 * the lines computed in it: lines first_line .. first_line + shape[1] - 1 of the tensor. */
typedef void (*linnet_tap_hook)(void* context, int step, int output, const struct linnet_tensor_view* tensor);

typedef struct linnet_options {
  size_t struct_size;
  const char* isa;                  /* null: the best this CPU has; otherwise a name in
                                       kernels/isa.hpp, such as "scalar", "avx2", "neon64" */
  int threads;                      /* 0 and 1: no parallel_for is called */
  linnet_parallel_for parallel_for; /* may be null when threads <= 1 */
  void* parallel_context;
  linnet_profile_hook profile_hook; /* may be null */
  void* profile_context;
  linnet_tap_hook tap_hook; /* may be null */
  void* tap_context;
  linnet_error_detail* error; /* filled when linnet_init or linnet_get_model_info fails; may be null */
} linnet_options;
#define LINNET_OPTIONS_INIT \
  { sizeof(linnet_options), 0, 1, 0, 0, 0, 0, 0, 0, 0 }

typedef struct linnet_model_info {
  size_t struct_size;
  size_t arena_bytes; /* what linnet_init needs, exactly: session_bytes + tensor_bytes + scratch_bytes */
  size_t session_bytes;
  size_t tensor_bytes;
  size_t scratch_bytes; /* for all threads */
  int inputs, outputs, steps, tensors;
  unsigned format_version;
  const char* isa;    /* the instruction set that would run */
  size_t state_bytes; /* of tensor_bytes, from its start: what a run leaves for the next one; 0: nothing */
} linnet_model_info;
#define LINNET_MODEL_INFO_INIT \
  { sizeof(linnet_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A tensor in place. Images are channels-last (N, H, W, C); source_dimension[d] is the dimension of the source graph's
 * tensor that dimension d is, so that {0, 2, 3, 1} says that the source was N, C, H, W. The element at row-major
 * position r of all dimensions but the last, and position c in the last, is data[r * row_stride + c]; inputs and
 * outputs are dense. */
typedef struct linnet_tensor_view {
  size_t struct_size;
  linnet_type type;
  int dimensions;
  int shape[LINNET_MAX_DIMENSIONS];
  int source_dimension[LINNET_MAX_DIMENSIONS];
  size_t row_stride; /* elements */
  size_t bytes;
  void* data;
  const char* name; /* null where names were stripped */
  int first_line;   /* of the whole tensor; not 0 only for the tap hook within a cascade */
  float scale;      /* integers stand for scale * (value - zero_point); 0: for themselves */
  int zero_point;
} linnet_tensor_view;
#define LINNET_TENSOR_VIEW_INIT \
  { sizeof(linnet_tensor_view), LINNET_FLOAT32, 0, {0}, {0}, 0, 0, 0, 0, 0, 0, 0 }

/* Checks the whole model (its structure, every offset, shape and index) and says what it needs. */
linnet_status linnet_get_model_info(const linnet_options* options, const void* bytes, size_t size,
                                    linnet_model_info* info);

/* Makes a session in the arena after the same checks. The model's bytes, the arena and everything that the options
 * point to, except the options themselves and options->error, must outlive the session. */
linnet_status linnet_init(const linnet_options* options, const void* bytes, size_t size, void* arena, size_t arena_size,
                          linnet_session** session);

/* Inputs may be overwritten by a run and must be filled before each one; outputs are valid until the next run. */
linnet_status linnet_input(const linnet_session* session, int index, linnet_tensor_view* view);
linnet_status linnet_output(const linnet_session* session, int index, linnet_tensor_view* view);

/* Runs every step. Cannot fail on a session that linnet_init made. A model may have states, tensors that keep their
 * values from one run to the next, such as a recurrent layer's or the last frames of a recording; they are not among
 * the inputs and outputs. A run begins with what the run before left and ends with setting them. */
linnet_status linnet_run(linnet_session* session);

/* Gives every state the value that it has in the first run, as linnet_init does; for the beginning of a new sequence.
 * Cannot fail on a session that linnet_init made. */
linnet_status linnet_reset(linnet_session* session);

/* Facts about step `step` (0 <= step < info.steps): its debug name, or null where stripped, and its operator's name. */
const char* linnet_step_name(const linnet_session* session, int step);
const char* linnet_step_operator(const linnet_session* session, int step);
/* Multiply-accumulates of a step, as a double because C89 has no 64-bit integer. */
double linnet_step_macs(const linnet_session* session, int step);

const char* linnet_status_text(linnet_status status);
const char* linnet_version(void);

#ifdef __cplusplus
}
#endif

#endif /* LINNET_H_ */

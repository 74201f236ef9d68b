/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * safetensors files: 8 bytes of header length, a JSON header, the tensors' bytes. Private to model/ and index/.
 *
 * Nothing a file says is believed before it is checked against the file's size. Little endian, as the format asks.
 */
#ifndef SUPCON_MODEL_SAFETENSORS_H
#define SUPCON_MODEL_SAFETENSORS_H

#include <json-glib/json-glib.h>

#include "real.h"

#define SUPCON_TENSOR_MAX_DIMS 8

typedef enum {
  SUPCON_DTYPE_F64,
  SUPCON_DTYPE_F32,
  SUPCON_DTYPE_F16,
  SUPCON_DTYPE_BF16,
  SUPCON_DTYPE_I64,
  SUPCON_DTYPE_U64,
  SUPCON_DTYPE_I32,
  SUPCON_DTYPE_U32,
  SUPCON_DTYPE_I16,
  SUPCON_DTYPE_U16,
  SUPCON_DTYPE_I8,
  SUPCON_DTYPE_U8,
  SUPCON_DTYPE_BOOL,
  SUPCON_DTYPE_F8_E4M3,
  SUPCON_DTYPE_F8_E5M2,
  SUPCON_N_DTYPES
} SupconDtype;

const char *supcon_dtype_name (SupconDtype dtype);
/** Bytes of one element. */
gsize supcon_dtype_size (SupconDtype dtype);

typedef struct {
  const char *name; /* valid UTF-8 of at most 255 bytes; owned by the file, like data */
  SupconDtype dtype;
  guint n_dims;
  gsize dims[SUPCON_TENSOR_MAX_DIMS];
  gsize size;         /* elements */
  gsize start;        /* offset of data among the tensors' bytes */
  const guint8 *data; /* as many bytes as size and dtype say; NULL unless the file is mapped; may be unaligned */
} SupconTensor;

typedef struct _SupconSafetensors SupconSafetensors;

/**
 * Opens the file and checks all of its header; its tensors have no data yet. SUPCON_ERROR_NOT_FOUND, _READ (not a
 * regular file, no permission) or _FORMAT.
 */
SupconSafetensors *supcon_safetensors_open (const char *location, GError **error);
/** The data of one tensor, to be freed with g_free. Who writes over the file meanwhile changes what they are, not more:
 * what depends on them must check them. NULL: SUPCON_ERROR_READ or, where the file became shorter, _FORMAT. */
guint8 *supcon_safetensors_read (const SupconSafetensors *file, const SupconTensor *tensor, GError **error);
/** Maps the data of all tensors instead, so that they may be larger than memory: then the file must be replaced by
 * renaming as long as it is open here, not be written to. SUPCON_ERROR_READ. */
gboolean supcon_safetensors_map (SupconSafetensors *file, GError **error);
void supcon_safetensors_free (SupconSafetensors *file);

/** NULL when the key is not there. Valid UTF-8. */
const char *supcon_safetensors_metadata (const SupconSafetensors *file, const char *key);
/** All tensors in the order of their bytes. */
const SupconTensor *supcon_safetensors_tensors (const SupconSafetensors *file, guint *n);
/** NULL when there is none of that name. */
const SupconTensor *supcon_safetensors_find (const SupconSafetensors *file, const char *name);

/** Whether supcon_tensor_get can read it: F64, F32, F16, BF16. */
gboolean supcon_tensor_is_real (const SupconTensor *tensor);
SupconReal supcon_tensor_get (const SupconTensor *tensor, gsize index);
/** "[64, 3, 7, 7]"; free with g_free. */
char *supcon_shape_to_string (const gsize *dims, guint n_dims);

/** Sets SUPCON_ERROR_FORMAT and gives FALSE, so that a check is one line. */
gboolean supcon_format_error (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** Parses what json-glib takes for JSON less its extensions: no comments, no member twice, limited depth. */
JsonNode *supcon_json_parse (const char *text, gsize length, guint max_depth, GError **error);

/**
 * Writing: declare metadata and tensors, then write the tensors' bytes one after another in that order, then finish.
 * The first error is kept and told by finish, so that only new and finish need checking.
 */
typedef struct _SupconSafetensorsWriter SupconSafetensorsWriter;

/**
 * Removes the temporary files beside location that writers of it left when they were killed. Those of writers that are
 * alive, in whatever process, are locked and stay.
 */
void supcon_safetensors_remove_stale (const char *location);

/** Makes the temporary file beside location. SUPCON_ERROR_WRITE: no such folder, not writable, not a regular file. */
SupconSafetensorsWriter *supcon_safetensors_writer_new (const char *location, GError **error);
/** Whether there is room for so many bytes; file systems that cannot tell beforehand say yes. SUPCON_ERROR_WRITE. */
gboolean supcon_safetensors_writer_reserve (SupconSafetensorsWriter *writer, gsize bytes, GError **error);
void supcon_safetensors_writer_add_metadata (SupconSafetensorsWriter *writer, const char *key, const char *value);
void supcon_safetensors_writer_add_tensor (
    SupconSafetensorsWriter *writer, const char *name, SupconDtype dtype, guint n_dims, const gsize *dims);
void supcon_safetensors_writer_write (SupconSafetensorsWriter *writer, const void *bytes, gsize n);
/** fsync, rename to location, fsync of the folder. On FALSE what was at location is as before or, where the folder
 * alone could not be synced, the new file, which a power cut may undo. */
gboolean supcon_safetensors_writer_finish (SupconSafetensorsWriter *writer, GError **error);
/** Removes the temporary file unless finish made it the real one. */
void supcon_safetensors_writer_free (SupconSafetensorsWriter *writer);

#endif

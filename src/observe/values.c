/*-------------------------------------------------------------------------
 *
 * values.c
 *	  The values that a statement ran with, once.
 *
 * A value is kept as the bytes that it has in memory, so that no output
 * function runs while a statement is observed: it might be slow, might fail,
 * and for some types would be somebody's code.  Bytes mean something for as
 * long as their type has the same layout.  So a type is kept if it is a base
 * type or an enum, or a domain, array or range over such; a row is not, since
 * ALTER TABLE changes what its bytes mean.  Nor is what lies outside of the
 * value: in a TOAST table, or in an extension's expanded form.
 *
 * Text that was cut and what was not kept is not known when the statement is
 * planned again, and the planner estimates as for a generic plan.  A cut text
 * is not good enough: '{"a": 1' is no json, and LIKE 'x\' is an error.
 *
 * Taking runs inside of hooks and takes no locks.  It reads pg_type and
 * pg_range through the system cache, which is where the planner looks up the
 * very same types of the very same parameters a moment later; what would fail
 * here would fail there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/values.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Types over types over types; deeper ones are not kept. */
#define MAX_TYPE_DEPTH 16

/* How the values of a type may be handled. */
typedef struct TypeNature
{
	int16		typlen;
	bool		typbyval;
	bool		exists;
	bool		bytes;			/* may be kept as bytes */
	bool		array;
	bool		textual;		/* may be cut */
} TypeNature;

/* What follows the envelope; then each value. */
typedef struct PackedValues
{
	DbaBlobHeader header;
	int32		count;
} PackedValues;

/* What stands before the bytes of a value. */
typedef struct PackedValue
{
	Oid			type;
	int16		typlen;
	uint8		typbyval;
	uint8		state;			/* a DbaValueState */
	uint32		size;			/* bytes that follow */
} PackedValue;

static void fetch_parameter(ParamListInfo bound, int number,
							ParamExternData *parameter);
static DbaValue take_value(Oid type, bool isnull, Datum datum, bool keep);
static DbaValue take_constant(const DbaValue *constant, bool keep);
static TypeNature look_at_type(Oid type);
static bool made_of_bytes(Oid type);
static DbaValueState take_by_reference(const TypeNature *nature, Datum datum,
									   Datum *taken);
static DbaValueState take_string(const TypeNature *nature, const char *string,
								 Datum *taken);
static DbaValueState take_varlena(const TypeNature *nature, Datum datum,
								  Datum *taken);
static DbaValueState take_expanded(const TypeNature *nature, Datum datum,
								   Datum *taken);
static Datum copy_bytes(const void *bytes, Size size);
static char *pack_value(const DbaValue *value, char *next);
static Size value_size(const DbaValue *value);
static bool unpack_value(const char **data, const char *end, DbaValue *value);
static bool bytes_fit(const PackedValue *packed, const char *bytes);
static bool has_datum(const DbaValue *value);
static bool type_unchanged(const DbaValue *value);

/* So many values, all of no type. */
DbaValues *
dba_values_new(int count)
{
	DbaValues  *values = palloc0(offsetof(DbaValues, values) +
								 count * sizeof(DbaValue));

	values->count = count;
	return values;
}

/*
 * A constant as it stands in a statement's text, of which the type is not
 * known.
 */
DbaValue
dba_value_literal(const char *text)
{
	DbaValue	value = {.type = UNKNOWNOID, .typlen = -2};
	TypeNature	nature = {.typlen = -2, .textual = true};

	value.state = take_string(&nature, text, &value.value);
	return value;
}

/*
 * The values of the client's parameters $1 .. $count, as far as there are any,
 * and of the constants after them (NULL for none), in a copy that outlives
 * both.  With keep_values false only their types.  No values at all if there are more than
 * DBA_MAX_VALUES.
 */
DbaValues *
dba_values_take(ParamListInfo bound, int count, const DbaValues *constants,
				bool keep_values)
{
	int			all = count + (constants == NULL ? 0 : constants->count);
	DbaValues  *values;

	if (all > DBA_MAX_VALUES)
		return dba_values_new(0);

	values = dba_values_new(all);
	for (int i = 0; i < count; i++)
	{
		ParamExternData parameter = {0};

		fetch_parameter(bound, i + 1, &parameter);
		values->values[i] = take_value(parameter.ptype, parameter.isnull,
									   parameter.value, keep_values);
	}
	for (int i = count; i < all; i++)
		values->values[i] = take_constant(&constants->values[i - count],
										  keep_values);
	return values;
}

/* One flat piece of memory, or NULL when larger than DBA_MAX_PACKED. */
char *
dba_values_pack(const DbaValues *values, Size *size)
{
	PackedValues head = {.count = values->count};
	char	   *data;
	char	   *next;

	*size = sizeof(head);
	for (int i = 0; i < values->count; i++)
		*size += sizeof(PackedValue) + value_size(&values->values[i]);
	if (*size > DBA_MAX_PACKED)
		return NULL;

	data = palloc(*size);
	memcpy(data, &head, sizeof(head));
	next = data + sizeof(head);
	for (int i = 0; i < values->count; i++)
		next = pack_value(&values->values[i], next);
	dba_blob_seal(data, *size, DBA_BLOB_VALUES);
	return data;
}

/* The values again, or NULL when the bytes are not what was packed. */
DbaValues *
dba_values_unpack(const char *data, Size size)
{
	PackedValues head;
	DbaValues  *values;
	const char *next = data + sizeof(head);

	if (!dba_blob_intact(data, size, DBA_BLOB_VALUES) || size < sizeof(head))
		return NULL;
	memcpy(&head, data, sizeof(head));
	if (head.count < 0 || head.count > DBA_MAX_VALUES)
		return NULL;

	values = dba_values_new(head.count);
	for (int i = 0; i < head.count; i++)
	{
		if (!unpack_value(&next, data + size, &values->values[i]))
			return NULL;
	}
	return next == data + size ? values : NULL;
}

/*
 * The values as the planner takes them for constants.  Of those that are not
 * known it is told nothing, and estimates as for a generic plan.
 */
ParamListInfo
dba_values_bind(const DbaValues *values)
{
	ParamListInfo params;

	if (values == NULL || values->count == 0)
		return NULL;

	params = makeParamList(values->count);
	for (int i = 0; i < values->count; i++)
	{
		const DbaValue *value = &values->values[i];
		ParamExternData *param = &params->params[i];

		/* The planner skips a parameter that has no type. */
		memset(param, 0, sizeof(*param));
		param->isnull = true;
		if (value->state != DBA_VALUE_GIVEN && value->state != DBA_VALUE_NULL)
			continue;
		if (!type_unchanged(value))
			continue;
		param->ptype = value->type;
		param->pflags = PARAM_FLAG_CONST;
		param->isnull = value->state == DBA_VALUE_NULL;
		param->value = value->value;
	}
	return params;
}

/*
 * The value in words; NULL for that of SQL and for a parameter that the
 * statement does not have.  Calls the output function of the type.
 */
char *
dba_value_text(const DbaValue *value)
{
	Oid			output;
	bool		is_varlena;
	char	   *words;

	if (!OidIsValid(value->type) || value->state == DBA_VALUE_NULL)
		return NULL;
	if (value->state == DBA_VALUE_NOT_KEPT)
		return pstrdup("(not kept)");
	if (!type_unchanged(value))
		return pstrdup("(type gone)");

	getTypeOutputInfo(value->type, &output, &is_varlena);
	words = OidOutputFunctionCall(output, value->value);
	return value->state == DBA_VALUE_CUT ? psprintf("%s...", words) : words;
}

/*
 * The parameter as the planner would see it; of no type where there is none.
 * A list that makes its values on demand is asked to try and not to fail,
 * as the planner asks.
 */
static void
fetch_parameter(ParamListInfo bound, int number, ParamExternData *parameter)
{
	if (bound == NULL || number > bound->numParams)
		return;
	if (bound->paramFetch != NULL)
	{
		ParamExternData workspace = {0};

		*parameter = *bound->paramFetch(bound, number, true, &workspace);
	}
	else
		*parameter = bound->params[number - 1];
}

static DbaValue
take_value(Oid type, bool isnull, Datum datum, bool keep)
{
	DbaValue	value = {
		.type = type,
		.state = DBA_VALUE_NOT_KEPT
	};
	TypeNature	nature;

	if (!keep || !OidIsValid(type))
		return value;

	nature = look_at_type(type);
	value.typlen = nature.typlen;
	value.typbyval = nature.typbyval;
	if (!nature.exists)
		return value;
	if (isnull)
		value.state = DBA_VALUE_NULL;
	else if (!nature.bytes)
		return value;
	else if (nature.typbyval)
	{
		value.state = DBA_VALUE_GIVEN;
		value.value = datum;
	}
	else if (DatumGetPointer(datum) != NULL)
		value.state = take_by_reference(&nature, datum, &value.value);
	return value;
}

/* A constant may be a copy, taken before; then what was cut stays so. */
static DbaValue
take_constant(const DbaValue *constant, bool keep)
{
	DbaValue	value = take_value(constant->type,
								   constant->state == DBA_VALUE_NULL,
								   constant->value,
								   keep && constant->state != DBA_VALUE_NOT_KEPT);

	if (value.state == DBA_VALUE_GIVEN)
		value.state = constant->state;
	return value;
}

/* How values of the type may be handled. */
static TypeNature
look_at_type(Oid type)
{
	TypeNature	nature = {0};
	Oid			base;
	char		kind;

	/* What a quoted literal is until somebody asks for more: a C string. */
	if (type == UNKNOWNOID)
	{
		nature.typlen = -2;
		nature.exists = nature.bytes = nature.textual = true;
		return nature;
	}

	kind = get_typtype(type);
	if (kind == '\0')
		return nature;
	base = kind == TYPTYPE_DOMAIN ? getBaseType(type) : type;
	get_typlenbyval(type, &nature.typlen, &nature.typbyval);
	nature.exists = true;
	nature.bytes = made_of_bytes(base);
	nature.array = OidIsValid(get_element_type(base));
	nature.textual = base == TEXTOID || base == VARCHAROID || base == BPCHAROID;
	return nature;
}

/* True when no ALTER can change what the bytes of a value mean. */
static bool
made_of_bytes(Oid type)
{
	for (int depth = 0; depth < MAX_TYPE_DEPTH; depth++)
	{
		switch (get_typtype(type))
		{
			case TYPTYPE_ENUM:
				return true;
			case TYPTYPE_BASE:
				if (!OidIsValid(get_element_type(type)))
					return true;
				type = get_element_type(type);
				break;
			case TYPTYPE_DOMAIN:
				type = getBaseType(type);
				break;
			case TYPTYPE_RANGE:
				type = get_range_subtype(type);
				break;
			case TYPTYPE_MULTIRANGE:
				type = get_multirange_range(type);
				break;
			default:
				return false;
		}
	}
	return false;
}

static DbaValueState
take_by_reference(const TypeNature *nature, Datum datum, Datum *taken)
{
	if (nature->typlen == -1)
		return take_varlena(nature, datum, taken);
	if (nature->typlen == -2)
		return take_string(nature, DatumGetCString(datum), taken);
	if (nature->typlen > DBA_MAX_VALUE)
		return DBA_VALUE_NOT_KEPT;
	*taken = copy_bytes(DatumGetPointer(datum), nature->typlen);
	return DBA_VALUE_GIVEN;
}

static DbaValueState
take_string(const TypeNature *nature, const char *string, Datum *taken)
{
	Size		size = strnlen(string, DBA_MAX_VALUE + 1);

	if (size > DBA_MAX_VALUE && !nature->textual)
		return DBA_VALUE_NOT_KEPT;
	if (size > DBA_MAX_VALUE)
	{
		size = pg_mbcliplen(string, (int) size, DBA_MAX_VALUE);
		*taken = CStringGetDatum(pnstrdup(string, size));
		return DBA_VALUE_CUT;
	}
	*taken = copy_bytes(string, size + 1);
	return DBA_VALUE_GIVEN;
}

static DbaValueState
take_varlena(const TypeNature *nature, Datum datum, Datum *taken)
{
	char	   *bytes = DatumGetPointer(datum);
	int			size;

	if (VARATT_IS_EXTERNAL_EXPANDED(bytes))
		return take_expanded(nature, datum, taken);
	if (VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes))
		return DBA_VALUE_NOT_KEPT;

	size = (int) VARSIZE_ANY_EXHDR(bytes);
	if (size > DBA_MAX_VALUE && !nature->textual)
		return DBA_VALUE_NOT_KEPT;
	if (size > DBA_MAX_VALUE)
	{
		size = pg_mbcliplen(VARDATA_ANY(bytes), size, DBA_MAX_VALUE);
		*taken = PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(bytes),
														  size));
		return DBA_VALUE_CUT;
	}
	*taken = copy_bytes(bytes, VARSIZE_ANY(bytes));
	return DBA_VALUE_GIVEN;
}

/*
 * The array variables of PL/pgSQL come taken apart.  Putting a short one
 * together again is the server's own code and calls nothing of its elements.
 */
static DbaValueState
take_expanded(const TypeNature *nature, Datum datum, Datum *taken)
{
	ExpandedObjectHeader *object = DatumGetEOHP(datum);
	ExpandedArrayHeader *array = (ExpandedArrayHeader *) object;
	void	   *flat;
	Size		size;

	if (!nature->array || array->ea_magic != EA_MAGIC)
		return DBA_VALUE_NOT_KEPT;
	if (array->fvalue == NULL && array->nelems > DBA_MAX_VALUE)
		return DBA_VALUE_NOT_KEPT;

	size = EOH_get_flat_size(object);
	if (size > DBA_MAX_VALUE + VARHDRSZ)
		return DBA_VALUE_NOT_KEPT;
	flat = palloc0(size);
	EOH_flatten_into(object, flat, size);
	*taken = PointerGetDatum(flat);
	return DBA_VALUE_GIVEN;
}

static Datum
copy_bytes(const void *bytes, Size size)
{
	return PointerGetDatum(memcpy(palloc(size), bytes, size));
}

/* Writes the value and returns the place behind it. */
static char *
pack_value(const DbaValue *value, char *next)
{
	PackedValue packed = {
		.type = value->type,
		.typlen = value->typlen,
		.typbyval = value->typbyval,
		.state = value->state,
		.size = value_size(value)
	};

	memcpy(next, &packed, sizeof(packed));
	next += sizeof(packed);
	if (packed.size > 0)
		memcpy(next, value->typbyval ? (const void *) &value->value :
			   DatumGetPointer(value->value), packed.size);
	return next + packed.size;
}

/* Bytes of the value's datum; 0 where it has none. */
static Size
value_size(const DbaValue *value)
{
	if (!has_datum(value))
		return 0;
	if (value->typbyval)
		return sizeof(Datum);
	if (value->typlen == -1)
		return VARSIZE_ANY(DatumGetPointer(value->value));
	if (value->typlen == -2)
		return strlen(DatumGetCString(value->value)) + 1;
	return value->typlen;
}

/* Reads the value at *data and goes on behind it; false when it is not one. */
static bool
unpack_value(const char **data, const char *end, DbaValue *value)
{
	PackedValue packed;
	const char *bytes;

	if (end - *data < (ptrdiff_t) sizeof(packed))
		return false;
	memcpy(&packed, *data, sizeof(packed));
	bytes = *data + sizeof(packed);
	if (packed.size > end - bytes || packed.state > DBA_VALUE_NOT_KEPT)
		return false;

	value->type = packed.type;
	value->typlen = packed.typlen;
	value->typbyval = packed.typbyval != 0;
	value->state = packed.state;
	if (has_datum(value))
	{
		/* A copy, because the server wants it aligned. */
		char	   *copy = palloc(packed.size + 1);

		memcpy(copy, bytes, packed.size);
		if (!bytes_fit(&packed, copy))
			return false;
		if (value->typbyval)
			memcpy(&value->value, copy, sizeof(Datum));
		else
			value->value = PointerGetDatum(copy);
	}
	*data = bytes + packed.size;
	return true;
}

/* True when the bytes are a value of such a type, as far as that shows. */
static bool
bytes_fit(const PackedValue *packed, const char *bytes)
{
	if (packed->typbyval)
		return packed->size == sizeof(Datum);
	if (packed->typlen == -1)
		return packed->size > 0 && !VARATT_IS_EXTERNAL(bytes) &&
			(VARATT_IS_1B(bytes) || packed->size >= VARHDRSZ) &&
			VARSIZE_ANY(bytes) == packed->size;
	if (packed->typlen == -2)
		return packed->size > 0 && bytes[packed->size - 1] == '\0';
	return packed->typlen > 0 && packed->size == (uint32) packed->typlen;
}

static bool
has_datum(const DbaValue *value)
{
	return value->state == DBA_VALUE_GIVEN || value->state == DBA_VALUE_CUT;
}

/* True when the type is there and its values look as they did. */
static bool
type_unchanged(const DbaValue *value)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(value->type));
	Form_pg_type form;
	bool		unchanged;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	unchanged = form->typisdefined && form->typlen == value->typlen &&
		form->typbyval == value->typbyval;
	ReleaseSysCache(tuple);
	return unchanged;
}

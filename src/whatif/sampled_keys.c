/*-------------------------------------------------------------------------
 *
 * sampled_keys.c
 *	  How many keys a table has, and how many rows each, by a sample.
 *
 * A block is what was drawn by chance, not a row; so it does not matter whether
 * rows of one key are strewn over the table or lie side by side.
 *
 * The frequency of a key that many blocks of the sample have is known.  Of the
 * others what is known is how many keys one block has, how many two, and so on.
 * Two simple guesses have the pairs of blocks with one key that the sample has:
 * all keys are equally frequent, or blocks fell on keys by chance.  If one of them
 * explains the numbers it is taken, and both in part where they do it as well.
 * Else keys are of very different frequency.  The guess is then changed by steps
 * of expectation maximisation that make the numbers more likely, until what
 * differs still may be chance: it is not bent further than the sample demands.
 * From so few keys as possible the steps end at too few, and from a power law, as
 * words and names follow it, at too many where the rarest keys are not so rare.
 * The mean of both is taken.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/sampled_keys.h"

#include <math.h>

#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Blocks of the sample that must have a key for its frequency to be known. */
#define KNOWN_BLOCKS 16

/* Frequencies that unknown keys may have, and how they grow from one to the next. */
#define MOST_CLASSES 160
#define CLASS_STEP 1.15

/* How likely it is, before one looks, that all keys are of one frequency. */
#define EVEN_CHANCE 0.3

/* What of a power law a guess is given before it is bent, so that any class can grow. */
#define SPREAD_SHARE 0.02

/* Steps at most. */
#define MOST_STEPS 2000

/* A key of the sample. */
typedef struct Key
{
	uint64		hash;			/* of its bytes */
	uint32		rows;
	uint32		blocks;			/* that have it */
	BlockNumber last_block;
	uint32		size;			/* of an entry with it */
} Key;

struct DbaKeys
{
	HTAB	   *table;			/* of Key */
};

/* The keys that so many blocks of the sample have, together. */
typedef struct Seen
{
	double		keys;
	double		rows;
	double		bytes;
} Seen;

/* The frequencies that keys may have, and how many have each. */
typedef struct Spread
{
	int			count;
	double		blocks[MOST_CLASSES];	/* of the table, that have such a key */
	double		keys[MOST_CLASSES];
	double		chance[MOST_CLASSES][KNOWN_BLOCKS + 1]; /* that so many blocks of
														 * the sample have it; the
														 * last: or more */
} Spread;

static void add_known(DbaKeyGroups *groups, DbaKeys *keys, double share);
static void count_seen(DbaKeys *keys, Seen *seen);
static void add_unknown(DbaKeyGroups *groups, const Seen *seen, double share);
static void guess_spread(Spread *spread, const Seen *seen, double share);
static void spread_evenly(Spread *spread, double keys, double mean);
static void spread_by_chance(Spread *spread, double keys, double rate);
static void spread_by_power(Spread *spread, const Seen *seen);
static double log_likelihood(const Spread *spread, const Seen *seen);
static double expected_keys(const Spread *spread, int blocks);
static void choose_classes(Spread *spread, double share);
static int	class_of(const Spread *spread, double blocks);
static double log_binomial(double n, int k, double p);
static bool fits(const Spread *spread, const Seen *seen);
static void fit(Spread *spread, const Seen *seen);
static void bend(Spread *spread, const Seen *seen);
static void add_class(DbaKeyGroups *groups, const Spread *spread, int class,
					  const Seen *seen, double expected[]);

/* In the caller's context. */
DbaKeys *
dba_keys_begin(void)
{
	HASHCTL		control = {
		.keysize = sizeof(uint64), .entrysize = sizeof(Key), .hcxt = CurrentMemoryContext
	};
	DbaKeys    *keys = palloc0(sizeof(DbaKeys));

	keys->table = hash_create("dbadvisor keys", 1024, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return keys;
}

/* Counts a row that has the key; rows of one block must come together. */
void
dba_keys_add(DbaKeys *keys, uint64 hash, BlockNumber block, uint32 size)
{
	bool		found;
	Key		   *key = hash_search(keys->table, &hash, HASH_ENTER, &found);

	if (!found)
	{
		key->rows = key->blocks = 0;
		key->size = size;
	}
	if (key->blocks == 0 || key->last_block != block)
	{
		key->blocks++;
		key->last_block = block;
	}
	key->rows++;
}

/* The keys of the table, of which such a share was sampled. */
DbaKeyGroups *
dba_keys_estimate(DbaKeys *keys, double share)
{
	DbaKeyGroups *groups = palloc0(sizeof(DbaKeyGroups));

	groups->groups = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(DbaKeyGroup) *
											(hash_get_num_entries(keys->table) + MOST_CLASSES));
	add_known(groups, keys, share);
	if (share < 1)
	{
		Seen		seen[KNOWN_BLOCKS + 1] = {{0}};

		count_seen(keys, seen);
		add_unknown(groups, seen, share);
	}
	return groups;
}

/* Those of which enough blocks were seen. */
static void
add_known(DbaKeyGroups *groups, DbaKeys *keys, double share)
{
	HASH_SEQ_STATUS status;
	Key		   *key;

	hash_seq_init(&status, keys->table);
	while ((key = hash_seq_search(&status)) != NULL)
	{
		if (key->blocks >= KNOWN_BLOCKS || share >= 1)
			groups->groups[groups->count++] = (DbaKeyGroup)
		{
			.keys = 1,.rows = key->rows / share,.blocks = key->blocks / share,.size = key->size
		};
	}
}

/* How many keys have one block, two, and so on; the last: as many or more. */
static void
count_seen(DbaKeys *keys, Seen *seen)
{
	HASH_SEQ_STATUS status;
	Key		   *key;

	hash_seq_init(&status, keys->table);
	while ((key = hash_seq_search(&status)) != NULL)
	{
		Seen	   *same = &seen[Min(key->blocks, KNOWN_BLOCKS)];

		same->keys++;
		same->rows += key->rows;
		same->bytes += (double) key->rows * key->size;
	}
}

/* The others, and those that were not seen. */
static void
add_unknown(DbaKeyGroups *groups, const Seen *seen, double share)
{
	Spread	   *spread = palloc0(sizeof(Spread));
	int			first = groups->count;
	double		expected[KNOWN_BLOCKS + 1] = {0};
	double		rows = 0;
	double		sum = 0;

	for (int blocks = 1; blocks < KNOWN_BLOCKS; blocks++)
		rows += seen[blocks].rows;
	if (rows == 0)
		return;
	choose_classes(spread, share);
	guess_spread(spread, seen, share);
	fit(spread, seen);
	for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
		expected[blocks] = expected_keys(spread, blocks);
	for (int class = 0; class < spread->count; class++)
		add_class(groups, spread, class, seen, expected);

	/* All together they have the rows that are not those of known keys. */
	for (int i = first; i < groups->count; i++)
		sum += groups->groups[i].keys * groups->groups[i].rows;
	for (int i = first; i < groups->count && sum > 0; i++)
		groups->groups[i].keys *= rows / share / sum;
}

/* ------------------------------------------------------------------------
 * The guess
 * ------------------------------------------------------------------------ */

/*
 * A spread that has the blocks of all unknown keys, and the ordered pairs of
 * blocks with one key, each of which was seen with the square of the share.
 * Where all keys have n blocks there are n - 1 pairs for each block, and where
 * they fell by chance with a rate, as many as the rate.
 */
static void
guess_spread(Spread *spread, const Seen *seen, double share)
{
	Spread	   *chance = palloc(sizeof(Spread));
	Spread	   *even = palloc(sizeof(Spread));
	double		incidences = 0; /* pairs of a key and a block that has it */
	double		pairs = 0;		/* ordered pairs of blocks with one key */
	double		rate;
	double		weight;

	for (int blocks = 1; blocks < KNOWN_BLOCKS; blocks++)
	{
		incidences += blocks * seen[blocks].keys / share;
		pairs += blocks * (blocks - 1.0) * seen[blocks].keys / (share * share);
	}
	rate = pairs / incidences;
	*chance = *even = *spread;
	spread_evenly(even, incidences / (1 + rate), 1 + rate);
	spread_by_chance(chance, rate > 0 ? incidences * -expm1(-rate) / rate : incidences, rate);
	weight = EVEN_CHANCE / (EVEN_CHANCE + (1 - EVEN_CHANCE) *
							exp(Min(log_likelihood(chance, seen) - log_likelihood(even, seen), 500)));
	for (int class = 0; class < spread->count; class++)
		spread->keys[class] = weight * even->keys[class] + (1 - weight) * chance->keys[class];
}

/* Of seeing what was seen, but for a constant. */
static double
log_likelihood(const Spread *spread, const Seen *seen)
{
	double		result = 0;

	for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
	{
		double		expected = expected_keys(spread, blocks);

		result += seen[blocks].keys * log(Max(expected, 1e-9)) - expected;
	}
	return result;
}

/* Keys that so many blocks of the sample should have. */
static double
expected_keys(const Spread *spread, int blocks)
{
	double		sum = 0;

	for (int class = 0; class < spread->count; class++)
		sum += spread->keys[class] * spread->chance[class][blocks];
	return sum;
}

/* So many keys with as many blocks each as can be, so that this is the mean. */
static void
spread_evenly(Spread *spread, double keys, double mean)
{
	double		more = mean - floor(mean);

	spread->keys[class_of(spread, floor(mean))] += keys * (1 - more);
	spread->keys[class_of(spread, floor(mean) + 1)] += keys * more;
}

/* The same where blocks fell on keys at this rate; those without any do not count. */
static void
spread_by_chance(Spread *spread, double keys, double rate)
{
	double		share = rate > 0 ? rate / expm1(rate) : 1;

	if (rate > 50)
	{
		spread_evenly(spread, keys, rate);
		return;
	}
	for (int n = 1; n < 150; n++)
	{
		spread->keys[class_of(spread, n)] += keys * share;
		share *= rate / (n + 1);
	}
}

/* ------------------------------------------------------------------------
 * The fit
 * ------------------------------------------------------------------------ */

/* Frequencies that a key may have of which not enough blocks were seen. */
static void
choose_classes(Spread *spread, double share)
{
	double		most = 4 * KNOWN_BLOCKS / share;

	for (double blocks = 1; blocks < most && spread->count < MOST_CLASSES;
		 blocks = Max(blocks + 1, floor(blocks * CLASS_STEP)))
	{
		double	   *chance = spread->chance[spread->count];
		double		rest = 1;

		for (int n = 0; n < KNOWN_BLOCKS; n++)
		{
			chance[n] = n > blocks ? 0 : exp(log_binomial(blocks, n, share));
			rest -= chance[n];
		}
		chance[KNOWN_BLOCKS] = Max(rest, 0);
		spread->blocks[spread->count++] = blocks;
	}
}

static int
class_of(const Spread *spread, double blocks)
{
	int			class = 0;

	while (class + 1 < spread->count && spread->blocks[class + 1] <= blocks)
		class++;
	return class;
}

/* Logarithm of the probability of k among n, each with p. */
static double
log_binomial(double n, int k, double p)
{
	return lgamma(n + 1) - lgamma(k + 1.0) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p);
}

/* Whether what the spread lets expect differs from the sample no more than by chance. */
static bool
fits(const Spread *spread, const Seen *seen)
{
	double		differences = 0;

	for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
	{
		double		expected = expected_keys(spread, blocks);

		differences += (seen[blocks].keys - expected) * (seen[blocks].keys - expected) /
			Max(expected, 1);
	}
	return differences <= KNOWN_BLOCKS;
}

/* As many keys in all as were seen, the fewer the more frequent they are. */
static void
spread_by_power(Spread *spread, const Seen *seen)
{
	double		keys = 0;
	double		sum = 0;

	for (int class = 0; class < spread->count; class++)
	{
		double		blocks = spread->blocks[class];
		double		next = class + 1 < spread->count ? spread->blocks[class + 1] : blocks * CLASS_STEP;

		spread->keys[class] = (next - blocks) / (blocks * blocks);
	}
	for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
	{
		keys += seen[blocks].keys;
		sum += expected_keys(spread, blocks);
	}
	for (int class = 0; class < spread->count; class++)
		spread->keys[class] *= keys / sum;
}

/* Makes a spread that fits, of the guess if it does not. */
static void
fit(Spread *spread, const Seen *seen)
{
	Spread	   *power;

	if (fits(spread, seen))
		return;
	power = palloc(sizeof(Spread));
	*power = *spread;
	spread_by_power(power, seen);
	for (int class = 0; class < spread->count; class++)
		spread->keys[class] += SPREAD_SHARE * power->keys[class];
	bend(spread, seen);
	bend(power, seen);
	for (int class = 0; class < spread->count; class++)
		spread->keys[class] = (spread->keys[class] + power->keys[class]) / 2;
}

/* Changes the spread until it fits. */
static void
bend(Spread *spread, const Seen *seen)
{
	for (int step = 0; step < MOST_STEPS && (step % 10 != 9 || !fits(spread, seen)); step++)
	{
		double		ratio[KNOWN_BLOCKS + 1];

		for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
		{
			ratio[blocks] = seen[blocks].keys / Max(expected_keys(spread, blocks), 1e-300);
		}
		for (int class = 0; class < spread->count; class++)
		{
			double		factor = 0;

			for (int blocks = 1; blocks <= KNOWN_BLOCKS; blocks++)
				factor += ratio[blocks] * spread->chance[class][blocks];
			spread->keys[class] *= factor / (1 - spread->chance[class][0]);
		}
	}
}

/*
 * The keys of one frequency, but for those of them that are known.  Rows in a
 * block and bytes are as they are with the keys seen that may be of these.
 */
static void
add_class(DbaKeyGroups *groups, const Spread *spread, int class, const Seen *seen,
		  double expected[])
{
	const double *chance = spread->chance[class];
	double		keys = spread->keys[class] * (1 - chance[KNOWN_BLOCKS]);
	double		incidences = 0;
	double		rows = 0;
	double		bytes = 0;

	if (keys <= 0)
		return;
	for (int blocks = 1; blocks < KNOWN_BLOCKS; blocks++)
	{
		double		part = expected[blocks] > 0 ?
			spread->keys[class] * chance[blocks] / expected[blocks] : 0;

		incidences += part * blocks * seen[blocks].keys;
		rows += part * seen[blocks].rows;
		bytes += part * seen[blocks].bytes;
	}
	if (incidences > 0)
		groups->groups[groups->count++] = (DbaKeyGroup)
	{
		.keys = keys,.rows = spread->blocks[class] * rows / incidences,
		.blocks = spread->blocks[class],.size = bytes / rows
	};
}

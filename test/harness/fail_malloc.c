/*-------------------------------------------------------------------------
 *
 * fail_malloc.c
 *	  Lets memory run out for dbadvisor alone: preloaded into a server by
 *	  script/torture.
 *
 * Of the blocks that are asked for on behalf of the library every
 * DBADVISOR_FAIL_EVERY-th is refused.  On its behalf means: from the innermost
 * frame outwards, the library comes before any function to which a hook hands
 * over, such as standard_ExecutorRun().  The postmaster itself is spared: it
 * may refuse to start.
 *
 * Statements must neither fail nor change, so whoever runs the regression tests
 * under it sees whether the hooks catch what they should.
 *
 * DBADVISOR_FAIL_LOG names a file to which each process that ends appends how
 * many blocks it was asked for and how many it refused, DBADVISOR_FAIL_TRACE
 * one that gets time, process and frames of each refusal.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Frames looked at; deeper ones are a recursion of the server's. */
#define MAX_FRAMES 60

/* Smaller pieces are the C library's own, which nobody checks. */
#define MIN_SIZE 512

typedef struct CodeRange
{
	uintptr_t	start;
	uintptr_t	end;
} CodeRange;

extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *old, size_t size);

/* What hooks go on with, and what those call last and thus in their place. */
static const char *const handed_over[] = {
	"standard_planner",
	"standard_ExecutorStart",
	"standard_ExecutorRun",
	"standard_ExecutorFinish",
	"standard_ExecutorEnd",
	"standard_ProcessUtility",
	"CommandCounterIncrement",
	"CommandEndInvalidationMessages"
};

#define HANDED_OVER (sizeof(handed_over) / sizeof(handed_over[0]))

static long fail_every;
static pid_t postmaster;
static pid_t counting_process;	/* whose blocks are counted below */
static long asked;
static long refused;
static CodeRange library;
static CodeRange functions[HANDED_OVER];
static int	busy;				/* what is asked for now is for ourselves */

static int	refuse(size_t size);
static int	for_library(void);
static void trace_refusal(size_t size);
static void find_code(void);
static int	find_library(struct dl_phdr_info *info, size_t size, void *arg);

__attribute__((constructor)) static void
prepare(void)
{
	const char *every = getenv("DBADVISOR_FAIL_EVERY");
	void	   *frames[2];

	/* The first call loads a library, and asks for memory to do so. */
	busy = 1;
	backtrace(frames, 2);
	busy = 0;
	fail_every = every ? atol(every) : 0;
	postmaster = getpid();
}

__attribute__((destructor)) static void
say_how_many(void)
{
	const char *path = getenv("DBADVISOR_FAIL_LOG");
	int			file;

	if (path == NULL || asked == 0 || counting_process != getpid())
		return;
	file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
	if (file >= 0)
	{
		dprintf(file, "%ld %ld\n", asked, refused);
		close(file);
	}
}

void *
malloc(size_t size)
{
	if (refuse(size))
		return NULL;
	return __libc_malloc(size);
}

void *
realloc(void *old, size_t size)
{
	if (refuse(size))
		return NULL;
	return __libc_realloc(old, size);
}

/* Whether this piece of memory is one of those to refuse. */
static int
refuse(size_t size)
{
	int			saved_errno = errno;
	pid_t		self;
	int			ours;

	if (fail_every <= 0 || size < MIN_SIZE || busy)
		return 0;
	self = getpid();
	if (self == postmaster)
		return 0;
	busy = 1;
	if (counting_process != self)
	{
		counting_process = self;
		asked = refused = 0;
		find_code();
	}
	ours = for_library();
	/* Processes that do the same shall not all fail at the same place. */
	ours = ours && (self + asked++) % fail_every == 0;
	if (ours)
	{
		refused++;
		trace_refusal(size);
	}
	busy = 0;
	errno = ours ? ENOMEM : saved_errno;
	return ours;
}

static void
trace_refusal(size_t size)
{
	const char *path = getenv("DBADVISOR_FAIL_TRACE");
	void	   *frames[MAX_FRAMES];
	struct timespec now;
	int			file;

	if (path == NULL)
		return;
	file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
	if (file < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	dprintf(file, "\n%ld.%03ld [%d] refused %zu bytes\n", (long) now.tv_sec,
			now.tv_nsec / 1000000, (int) getpid(), size);
	backtrace_symbols_fd(frames, backtrace(frames, MAX_FRAMES), file);
	close(file);
}

/* Whether the memory is asked for on behalf of the library. */
static int
for_library(void)
{
	void	   *frames[MAX_FRAMES];
	int			count;

	if (library.end == 0)
		return 0;
	count = backtrace(frames, MAX_FRAMES);
	for (int i = 2; i < count; i++)
	{
		uintptr_t	at = (uintptr_t) frames[i];

		if (at >= library.start && at < library.end)
			return 1;
		for (size_t f = 0; f < HANDED_OVER; f++)
		{
			if (at >= functions[f].start && at < functions[f].end)
				return 0;
		}
	}
	return 0;
}

/* Finds where the library and the functions that hooks go on with lie. */
static void
find_code(void)
{
	library.start = library.end = 0;
	dl_iterate_phdr(find_library, NULL);
	for (size_t f = 0; f < HANDED_OVER; f++)
	{
		void	   *address = dlsym(RTLD_DEFAULT, handed_over[f]);
		const ElfW(Sym) *symbol = NULL;
		Dl_info		info;

		functions[f].start = functions[f].end = 0;
		if (address != NULL &&
			dladdr1(address, &info, (void **) &symbol, RTLD_DL_SYMENT) != 0 &&
			symbol != NULL)
		{
			functions[f].start = (uintptr_t) address;
			functions[f].end = (uintptr_t) address + symbol->st_size;
		}
	}
}

/* Notes where the library's code lies; called for every loaded object. */
static int
find_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void) size;
	(void) arg;
	if (strstr(info->dlpi_name, "/dbadvisor.so") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
	{
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0)
		{
			library.start = info->dlpi_addr + part->p_vaddr;
			library.end = library.start + part->p_memsz;
		}
	}
	return 1;
}

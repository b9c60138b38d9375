/* SPDX-License-Identifier: MIT */
/* The trial's guard: started early by the clone's own init, and panic= on its kernel's command line. */
#include "rewrite/guard.h"

#include <stdlib.h>
#include <string.h>

#include "rewrite/plan_priv.h"

#define INITTAB "/etc/inittab"
#define PANIC_MAX_S 300

/*
 * Wanted by sysinit.target but ordered after nothing but its own file: a mount that fails, and with it local-fs.target,
 * must not keep it from starting. Not stopped at shutdown either: it sees to it that a shutdown ends.
 */
static const char unit[] = "[Unit]\n"
			   "Description=Trial of the moved system: back to the rescue unless "
			   "confirmed\n"
			   "DefaultDependencies=no\n"
			   "IgnoreOnIsolate=yes\n"
			   "RequiresMountsFor=" RW_DIR "\n"
			   "ConditionPathExists=" RW_DIR "/rehost\n"
			   "\n"
			   "[Service]\n"
			   "ExecStart=" RW_DIR "/rehost guard\n"
			   "OOMScoreAdjust=-900\n"
			   "KillMode=process\n"
			   "\n"
			   "[Install]\n"
			   "WantedBy=sysinit.target\n";

static const char openrc[] = "#!/sbin/openrc-run\n"
			     "# Trial of the moved system: back to the rescue unless confirmed.\n"
			     "command=" RW_DIR "/rehost\n"
			     "command_args=guard\n"
			     "command_background=yes\n"
			     "pidfile=/run/rehost-guard.pid\n"
			     "depend() {\n"
			     "\tafter localmount\n" /* also when a mount failed */
			     "}\n";

/*
 * In both, because the second comes later on the command line, and the kernel takes the last word. dracut asks for a
 * shell instead of restarting, unless it is told not to (dracut.cmdline(7)).
 */
static void add_grub_words(const struct planner *p, struct strbuf *out)
{
	static const char *const names[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT" };
	bool is_dracut = p->tree.initramfs_tool && strcmp(p->tree.initramfs_tool, "dracut") == 0;
	size_t i;

	strbuf_adds(out, "# made by rehost for the trial; release removes it\n");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		strbuf_addf(out, "%s=\"$%s panic=%d%s\"\n", names[i], names[i], GUARD_PANIC_S,
			    is_dracut ? " rd.shell=0 rd.emergency=reboot" : "");
}

static int write_text(struct planner *p, const char *path, const char *text, int mode,
		      const char *why)
{
	return plan_write(p, path, text, strlen(text), mode, why);
}

static int plan_systemd(struct planner *p)
{
	if (write_text(p, GUARD_UNIT, unit, 0644,
		       "goes back to the rescue when nobody confirms the clone") < 0)
		return -1;
	return plan_symlink(p, GUARD_WANTED, "../rehost-guard.service", "starts the guard early");
}

static int plan_openrc(struct planner *p)
{
	if (write_text(p, GUARD_OPENRC, openrc, 0755,
		       "goes back to the rescue when nobody confirms the clone") < 0)
		return -1;
	return plan_symlink(p, GUARD_RUNLEVEL, GUARD_OPENRC, "starts the guard early");
}

/* The line without its newline is in the text. */
static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	const char *s;

	for (s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, line, n) == 0 && (s[n] == '\n' || !s[n]))
			return true;
	return false;
}

/* "id:runlevels:action:process" with that action. */
static bool is_sysinit(const char *line)
{
	const char *s = line;
	unsigned i;

	if (*s == '#')
		return false;
	for (i = 0; i < 2; i++) {
		s += strcspn(s, ":\n");
		if (*s != ':')
			return false;
		s++;
	}
	return str_starts(s, "sysinit:");
}

/*
 * A line of inittab and no script: which scripts run is a cache that insserv keeps, and it would not know ours. Before the
 * other lines of its kind, which init waits for: a script that hangs must not keep the guard from starting.
 */
static int plan_inittab(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, INITTAB, &text);
	const char *s;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return plan_note(p, "there is no " INITTAB
				    ": the clone cannot end its trial by itself");
	if (has_line(strbuf_str(&text), GUARD_INITTAB))
		return 0;
	for (s = strbuf_str(&text); *s && !is_sysinit(s); s += *s == '\n')
		s += strcspn(s, "\n");
	strbuf_add(&out, strbuf_str(&text), (size_t)(s - strbuf_str(&text)));
	if (out.len && out.data[out.len - 1] != '\n')
		strbuf_addc(&out, '\n');
	strbuf_addf(&out, "%s\n%s", GUARD_INITTAB, s);
	return out.failed || text.failed
		       ? plan_nomem(p)
		       : plan_rewrite(p, INITTAB, &out,
				      "goes back to the rescue when nobody confirms the clone");
}

/* A time that somebody chose; 0 means for ever, and below that initramfs-tools cannot wait. */
static bool has_panic(const char *menu)
{
	const char *s = menu;
	unsigned long last = 0;

	while ((s = strstr(s, "panic="))) {
		const char *line = s;

		while (line > menu && line[-1] != '\n')
			line--;
		s += strlen("panic=");
		if (line[strspn(line, " \t")] == '#')
			continue;
		last = strtoul(s, NULL, 10);
		if (*s == '-' || last > PANIC_MAX_S)
			last = 0;
	}
	return last > 0;
}

/* Debian's grub-mkconfig reads grub.d; where it is not known to, nothing is written that might be taken for more. */
static int plan_panic(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, menu cleanup_strbuf = STRBUF_INIT;
	struct strbuf words cleanup_strbuf = STRBUF_INIT;

	if (plan_read(p, "/etc/default/grub", &menu) < 0)
		return -1;
	if (has_panic(strbuf_str(&menu)))
		return 0;
	if (plan_read(p, "/usr/sbin/grub-mkconfig", &text) < 0)
		return -1;
	if (!strstr(strbuf_str(&text), "default/grub.d"))
		return plan_note(p,
				 "a kernel panic in the trial needs a reset from outside: panic= "
				 "could not be put on the kernel's command line");
	add_grub_words(p, &words);
	if (words.failed)
		return plan_nomem(p);
	return write_text(p, GUARD_GRUB, strbuf_str(&words), 0644,
			  "a kernel panic restarts the machine instead of stopping it");
}

int plan_guard(struct planner *p)
{
	const char *init = p->tree.init;

	if (!p->facts->rehost_binary) /* edits in a plain folder: there is no trial */
		return 0;
	if (init && strcmp(init, "systemd") == 0 && plan_systemd(p) < 0)
		return -1;
	if (init && strcmp(init, "openrc") == 0 && plan_openrc(p) < 0)
		return -1;
	if (init && strcmp(init, "sysvinit") == 0 && plan_inittab(p) < 0)
		return -1;
	if (!init && plan_note(p, "its init system is not known: the clone cannot end its trial by "
				  "itself") < 0)
		return -1;
	return plan_panic(p);
}

static int remove_line(const struct root *clone, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	const char *s;

	if (!root_is_file(clone, INITTAB))
		return 0;
	if (root_read(clone, INITTAB, &text, CONFIG_MAX, e) < 0)
		return -1;
	if (!has_line(strbuf_str(&text), GUARD_INITTAB))
		return 0;
	for (s = strbuf_str(&text); *s;) {
		size_t len = strcspn(s, "\n");

		if (len != strlen(GUARD_INITTAB) || strncmp(s, GUARD_INITTAB, len) != 0)
			strbuf_add(&out, s, len + (s[len] == '\n'));
		s += len + (s[len] == '\n');
	}
	if (out.failed)
		return err_set(e, ERR_NOMEM, 0, INITTAB);
	return root_replace(clone, INITTAB, strbuf_str(&out), out.len, NULL, e);
}

int rewrite_remove_guard(const struct root *clone, struct err *e)
{
	static const char *const paths[] = { GUARD_WANTED, GUARD_UNIT, GUARD_RUNLEVEL, GUARD_OPENRC,
					     GUARD_GRUB };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		struct stat st;

		/* a folder on the way that is not there is no failure */
		if (root_lstat(clone, paths[i], &st) == 0 && root_remove(clone, paths[i], e) < 0)
			return -1;
	}
	return remove_line(clone, e);
}

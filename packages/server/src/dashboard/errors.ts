/** Mistakes of the program and of its installation, by code. */
export const DASHBOARD_ERRORS = {
  DASHBOARD_OPTION_INVALID: {
    message: "an option of dashboard() has an invalid value",
    fix: "see the message for the accepted values",
  },
  DASHBOARD_FILES_MISSING: {
    message: "the files of the live page are missing",
    fix: "put dashboard-dist of @portage/server beside the bundle, or run the build",
  },
} as const;

/** The codes of {@link DashboardError}. */
export type DashboardErrorCode = keyof typeof DASHBOARD_ERRORS;

/** A mistake in the call of `dashboard()`. `code` is a key of {@link DASHBOARD_ERRORS}. */
export class DashboardError extends TypeError {
  override readonly name = "DashboardError";
  /** Which mistake it is. */
  readonly code: DashboardErrorCode;

  constructor(code: DashboardErrorCode, message: string = DASHBOARD_ERRORS[code].message) {
    super(message);
    this.code = code;
  }
}
